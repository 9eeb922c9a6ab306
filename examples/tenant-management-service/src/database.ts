// Tenants in PostgreSQL, and in front of them Redis for a minute.

import { Pool } from "pg";
import { createClient } from "redis";

import { settings } from "./settings";

export interface Tenant {
  id: string;
  name: string;
  tier: "standard" | "premium";
  domain: string;
  admin_email: string;
  status: string;
}

const CACHE_SECONDS = 60;

const pool = new Pool({ connectionString: settings.databaseUrl });
const cache = createClient({ url: settings.redisUrl });
// A client without a listener ends the process when its server goes away.
cache.on("error", () => undefined);
const cacheKey = (id: string) => `tenant:${id}`;

/** Connects and creates the table. */
export async function openDatabase(): Promise<void> {
  await cache.connect();
  await pool.query(`
    CREATE TABLE IF NOT EXISTS tenants (
      id text PRIMARY KEY,
      name text NOT NULL,
      tier text NOT NULL,
      domain text NOT NULL UNIQUE,
      admin_email text NOT NULL,
      status text NOT NULL
    )`);
}

export async function closeDatabase(): Promise<void> {
  await cache.close();
  await pool.end();
}

/** Stores a new tenant; false when another one has its domain. */
export async function insertTenant(tenant: Tenant): Promise<boolean> {
  const { rowCount } = await pool.query(
    "INSERT INTO tenants VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (domain) DO NOTHING",
    [tenant.id, tenant.name, tenant.tier, tenant.domain, tenant.admin_email, tenant.status],
  );
  return rowCount === 1;
}

/** A tenant, and whether the cache had it. */
export async function findTenant(id: string): Promise<{ tenant?: Tenant; cached: boolean }> {
  const known = await cache.get(cacheKey(id));
  if (known) return { tenant: JSON.parse(known) as Tenant, cached: true };
  const { rows } = await pool.query<Tenant>("SELECT * FROM tenants WHERE id = $1", [id]);
  if (rows[0]) await cache.setEx(cacheKey(id), CACHE_SECONDS, JSON.stringify(rows[0]));
  return { tenant: rows[0], cached: false };
}

/** Changes how far a tenant is; undefined when there is no such tenant. */
export async function updateStatus(id: string, status: string): Promise<Tenant | undefined> {
  const { rows } = await pool.query<Tenant>(
    "UPDATE tenants SET status = $2 WHERE id = $1 RETURNING *",
    [id, status],
  );
  await cache.del(cacheKey(id));
  return rows[0];
}
