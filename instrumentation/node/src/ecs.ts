/** What the metadata endpoint of Amazon ECS says about the task this process runs in. */
import { get } from "node:http";

import type { AttributeValue } from "@opentelemetry/api";
import type { DetectedResourceAttributes } from "@opentelemetry/resources";

const TIMEOUT_MILLIS = 1000;

interface Container {
  readonly DockerId?: string;
  readonly ContainerARN?: string;
  readonly LogOptions?: Readonly<Record<string, string>>;
}

interface Task {
  readonly TaskARN?: string;
  readonly Family?: string;
  readonly Revision?: string;
  readonly Cluster?: string;
  readonly LaunchType?: string;
}

/** Attributes of the task, each a promise that is kept within a second; none outside of ECS. */
export function detectEcs(
  environment: NodeJS.ProcessEnv = process.env,
): DetectedResourceAttributes {
  const base = environment["ECS_CONTAINER_METADATA_URI_V4"];
  if (!base) return {};
  const container = fetchJson<Container>(base);
  const task = fetchJson<Task>(`${base}/task`);
  const ofTask = (read: (found: Task) => AttributeValue | undefined) =>
    task.then((found) => found && read(found));
  return {
    "cloud.provider": "aws",
    "cloud.platform": "aws_ecs",
    "cloud.region": ofTask(({ TaskARN }) => TaskARN?.split(":")[3]),
    "cloud.account.id": ofTask(({ TaskARN }) => TaskARN?.split(":")[4]),
    "container.id": container.then((found) => found?.DockerId),
    "aws.ecs.container.arn": container.then((found) => found?.ContainerARN),
    "aws.ecs.task.arn": ofTask(({ TaskARN }) => TaskARN),
    "aws.ecs.task.family": ofTask(({ Family }) => Family),
    "aws.ecs.task.revision": ofTask(({ Revision }) => Revision),
    "aws.ecs.launchtype": ofTask(({ LaunchType }) => LaunchType?.toLowerCase()),
    "aws.ecs.cluster.arn": ofTask(clusterArn),
    "aws.log.group.names": container.then((found) => logGroup(found?.LogOptions)),
  };
}

function clusterArn({ Cluster, TaskARN }: Task): string | undefined {
  if (Cluster === undefined || Cluster.startsWith("arn:") || TaskARN === undefined) return Cluster;
  return `${TaskARN.slice(0, TaskARN.lastIndexOf(":"))}:cluster/${Cluster}`;
}

function logGroup(options: Container["LogOptions"]): string[] | undefined {
  const group = options?.["awslogs-group"];
  return group === undefined ? undefined : [group];
}

function fetchJson<Answer>(url: string): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const give = (): void => resolve(undefined);
    const timer = setTimeout(give, TIMEOUT_MILLIS).unref();
    const request = get(url, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        clearTimeout(timer);
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString("utf8")) as Answer);
        } catch {
          give();
        }
      });
    });
    request.on("socket", (socket) => socket.unref());
    request.setTimeout(TIMEOUT_MILLIS, () => request.destroy());
    request.on("error", give);
  });
}
