/** Who sends the spans, where the machine itself says so. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { resourceFromAttributes } from "@opentelemetry/resources";
import { afterEach, expect, test } from "vitest";

import { detectEcs } from "../dist/ecs.js";

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const ARN = "arn:aws:ecs:eu-west-1:123456789012:task/shop/0123456789abcdef";

async function detected(answers: Record<string, object | undefined>) {
  server = createServer((request, response) => {
    const answer = answers[request.url ?? ""];
    if (answer !== undefined) response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v4`;
  const resource = resourceFromAttributes(detectEcs({ ECS_CONTAINER_METADATA_URI_V4: uri }));
  await resource.waitForAsyncAttributes?.();
  return resource.attributes;
}

test("an ECS task is described by its metadata endpoint", async () => {
  const attributes = await detected({
    "/v4": { DockerId: "abc", ContainerARN: "arn:c", LogOptions: { "awslogs-group": "/shop" } },
    "/v4/task": {
      TaskARN: ARN,
      Family: "shop",
      Revision: "7",
      Cluster: "main",
      LaunchType: "FARGATE",
    },
  });
  expect(attributes).toMatchObject({
    "cloud.provider": "aws",
    "cloud.platform": "aws_ecs",
    "cloud.region": "eu-west-1",
    "cloud.account.id": "123456789012",
    "container.id": "abc",
    "aws.ecs.task.arn": ARN,
    "aws.ecs.cluster.arn": "arn:aws:ecs:eu-west-1:123456789012:cluster/main",
    "aws.ecs.task.revision": "7",
    "aws.ecs.launchtype": "fargate",
    "aws.log.group.names": ["/shop"],
  });
});

test("an endpoint that never answers holds nothing up", async () => {
  const attributes = await detected({});
  expect(attributes["cloud.platform"]).toBe("aws_ecs");
  expect(attributes["aws.ecs.task.arn"]).toBeUndefined();
});
