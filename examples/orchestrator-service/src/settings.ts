// What the service is told by its environment.

export const settings = {
  port: Number(process.env.PORT ?? 3001),
  temporalAddress: process.env.TEMPORAL_ADDRESS ?? "localhost:7233",
  taskQueue: "ananta",
};
