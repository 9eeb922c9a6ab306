/** The decorator in the form of the language and in TypeScript's older one, compiled by TypeScript. */
import "reflect-metadata";
import ts from "typescript";
import { afterEach, describe, expect, test } from "vitest";

import * as tracing from "../dist/index.js";
import { recordSpans } from "../dist/testing/index.js";

const spans = recordSpans();
afterEach(() => spans.reset());

const SOURCE = `
  function mark(target: any, key?: any): any {
    if (typeof key === "string") Reflect.defineMetadata("route", "/tenants", target[key]);
  }
  export class Tenants {
    prefix = "t-";
    @Trace() async find(id: string) { return this.prefix + id; }
    @Trace({ name: "provision_tenant", attributes: (id: string) => ({ "tenant.id": id }) })
    provision(id: string) { return createSpan("create", () => this.prefix + id); }
    @traced("static_one") static count() { return 3; }
    @Trace() static total() { return 4; }
    @Trace() fail() { throw new Error("no"); }
    @Trace() @mark marked() { return 1; }
  }
  export class Special extends Tenants {}
`;

function compile(experimentalDecorators: boolean) {
  const { outputText } = ts.transpileModule(SOURCE, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
      experimentalDecorators,
    },
  });
  const module = { exports: {} as any };
  new Function("exports", "Trace", "traced", "createSpan", outputText)(
    module.exports,
    tracing.Trace,
    tracing.traced,
    tracing.createSpan,
  );
  return module.exports;
}

describe.each([
  ["standard", false],
  ["legacy", true],
])("%s decorators", (_form, isLegacy) => {
  const { Tenants, Special } = compile(isLegacy);

  test("trace methods with their this, under Class.method or the name given", async () => {
    const tenants = new Tenants();
    expect(await tenants.find("1")).toBe("t-1");
    expect(tenants.provision("2")).toBe("t-2");
    expect([Tenants.count(), Tenants.total()]).toEqual([3, 4]);
    spans.assertSpan("Tenants.find");
    spans.assertSpan("provision_tenant", { attributes: { "tenant.id": "2" } });
    spans.assertSpan("create", { parent: "provision_tenant" });
    spans.assertSpan("static_one");
    spans.assertSpan("Tenants.total");
    expect([tenants.find.name, tenants.find.length]).toEqual(["find", 1]);
  });

  test("mark errors, and work in subclasses", async () => {
    expect(() => new Tenants().fail()).toThrow("no");
    spans.assertSpan("Tenants.fail", { error: "no" });
    expect(await new Special().find("3")).toBe("t-3");
  });
});

test("the metadata other decorators leave on a method stay", () => {
  const { Tenants } = compile(true);
  expect(Reflect.getMetadata("route", new Tenants().marked)).toBe("/tenants");
  expect(new Tenants().marked()).toBe(1);
});

test("what is no method is refused with a clear error", () => {
  expect(() => tracing.Trace()({} as never, "field" as never, undefined as never)).toThrow(
    "@Trace is for methods, and field is none",
  );
});
