// What the worker is told by its environment.

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`the environment variable ${name} is needed`);
  return value;
}

export const settings = {
  temporalAddress: process.env.TEMPORAL_ADDRESS ?? "localhost:7233",
  taskQueue: "ananta",
  tenantManagementUrl: required("TENANT_MANAGEMENT_URL"),
  cnsUrl: required("CNS_URL"),
  identityUrl: required("IDENTITY_URL"),
  dnsUrl: required("DNS_URL"),
};
