// The application the guide's index.ts imports: small, and real.
import express from "express";
import type { AddressInfo } from "node:net";

import { provisionTenant } from "./provision";

export interface ApplicationConfig {
  port: number;
}

export class TenantMgmtServiceApplication {
  constructor(private readonly config: ApplicationConfig) {}

  start(): void {
    const app = express();
    app.use(express.json());
    app.post("/tenants", async (request, response) => {
      try {
        response.status(201).json(await provisionTenant(request.body));
      } catch {
        response.status(500).end();
      }
    });
    const server = app.listen(this.config.port, "127.0.0.1", () => {
      console.log(`port ${(server.address() as AddressInfo).port}`);
    });
  }
}
