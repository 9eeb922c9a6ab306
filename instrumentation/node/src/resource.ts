/** Who sends the spans: the service, its process, host and container. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { arch, hostname, release } from "node:os";

import type { Attributes } from "@opentelemetry/api";
import {
  defaultResource,
  resourceFromAttributes,
  type DetectedResourceAttributes,
  type Resource,
} from "@opentelemetry/resources";

import { detectEcs } from "./ecs.js";
import { coerce } from "./helpers/attributes.js";
import type { Settings } from "./settings/index.js";

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: "amd64",
  arm: "arm32",
  ppc: "ppc32",
  ia32: "x86",
};
const CONTAINER_ID = /(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?:$|[/\s])/m;

/** The resource of this process. What must be asked of ECS first arrives within a second. */
export function createResource(settings: Settings): Resource {
  const wanted = new Set(settings.resourceDetectors.map((name) => name.toLowerCase()));
  const uses = (name: string): boolean =>
    !wanted.has("none") && (wanted.has("all") || wanted.has(name));
  const attributes: DetectedResourceAttributes = {
    "telemetry.sdk.language": "nodejs",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": defaultResource().attributes["telemetry.sdk.version"],
    "telemetry.distro.name": "ananta-tracing",
    "telemetry.distro.version": packageVersion(),
    ...(uses("process") && processAttributes()),
    ...(uses("host") && { "host.name": hostname(), "host.arch": ARCHITECTURES[arch()] ?? arch() }),
    ...(uses("os") && { "os.type": process.platform, "os.version": release() }),
    ...(uses("container") && containerAttributes()),
    ...(uses("serviceinstance") && { "service.instance.id": randomUUID() }),
    ...(uses("aws") && detectEcs()),
    ...coerce(settings.resourceAttributes),
    "service.name": settings.serviceName,
    ...(settings.serviceVersion && { "service.version": settings.serviceVersion }),
    // The name before and after semantic conventions 1.27: back ends look for either.
    "deployment.environment": settings.environment,
    "deployment.environment.name": settings.environment,
  };
  return resourceFromAttributes(attributes);
}

function processAttributes(): Attributes {
  return {
    "process.pid": process.pid,
    "process.executable.name": process.title,
    "process.executable.path": process.execPath,
    "process.runtime.name": "nodejs",
    "process.runtime.version": process.versions.node,
    ...(process.argv[1] !== undefined && { "process.command": process.argv[1] }),
  };
}

/** The id that the control groups of Docker, containerd and Podman hold. */
function containerAttributes(): Attributes {
  for (const path of ["/proc/self/cgroup", "/proc/self/mountinfo"]) {
    try {
      const text = readFileSync(path, "utf8");
      const lines = path.endsWith("cgroup")
        ? text
        : text
            .split("\n")
            .filter((line) => line.includes("/containers/"))
            .join("\n");
      const id = CONTAINER_ID.exec(lines)?.[1];
      if (id !== undefined) return { "container.id": id };
    } catch {
      // Not Linux, or no such file: there is no id to be had.
    }
  }
  return {};
}

/** The version of this package. */
export function packageVersion(): string {
  return (require("../package.json") as { version: string }).version;
}
