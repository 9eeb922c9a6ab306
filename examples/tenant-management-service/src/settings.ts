// What the service is told by its environment.

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`the environment variable ${name} is needed`);
  return value;
}

export const settings = {
  port: Number(process.env.PORT ?? 3000),
  databaseUrl: required("DATABASE_URL"),
  redisUrl: required("REDIS_URL"),
  /** Without an orchestrator tenants are recorded and stay `registered`. */
  orchestratorUrl: process.env.ORCHESTRATOR_URL,
};
