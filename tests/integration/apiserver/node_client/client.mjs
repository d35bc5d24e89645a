// What people do with @kubernetes/client-node: each scenario works in a namespace of its own and prints "ok NAME".
// A line "restart" asks whoever runs this to start the API server anew, and waits for a line in answer.

import assert from "node:assert/strict";
import { createInterface } from "node:readline/promises";
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  PatchStrategy,
  VersionApi,
  Watch,
  makeInformer,
  setHeaderOptions,
} from "@kubernetes/client-node";

const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const names = ["a", "b", "c", "d", "e"];
const patchAs = (strategy) => setHeaderOptions("Content-Type", strategy);

async function restart() {
  console.log("restart");
  await lines.next();
}

function configMap(name, data) {
  return { metadata: { name }, data };
}

async function refused(code, promise) {
  const error = await promise.then(() => assert.fail("it was not refused"), (error) => error);
  assert.ok(error instanceof ApiException, error);
  assert.equal(error.code, code);
  return JSON.parse(error.body);
}

// A list of events, of which one can be waited for.
class Heard {
  events = [];
  waiting = [];
  hear(...event) {
    this.events.push(event.join(" "));
    this.waiting = this.waiting.filter((check) => !check());
  }
  async until(event) {
    const seen = () => this.events.includes(event);
    if (!seen()) {
      await new Promise((resolve) => this.waiting.push(() => seen() && (resolve(), true)));
    }
  }
}

const scenarios = {
  async pages(namespace) {
    for (const name of names) {
      await core.createNamespacedConfigMap({ namespace, body: configMap(name) });
    }
    const seen = [];
    let page = { metadata: {} };
    do {
      page = await core.listNamespacedConfigMap({ namespace, limit: 2, _continue: page.metadata._continue });
      seen.push(...page.items.map((item) => item.metadata.name));
    } while (page.metadata._continue);
    assert.deepEqual(seen, names);
  },

  async patches(namespace) {
    const ports = [{ name: "http", port: 80 }, { name: "dns", port: 53, protocol: "UDP" }];
    await core.createNamespacedService({ namespace, body: { metadata: { name: "s" }, spec: { ports } } });
    const patch = async (body, strategy) => {
      const request = { name: "s", namespace, body, fieldManager: "node", force: true };
      const found = await core.patchNamespacedService(request, patchAs(strategy));
      return found.spec.ports.map(({ port, targetPort }) => `${port}:${targetPort}`);
    };
    const port = [{ port: 80, targetPort: 8080 }];
    assert.deepEqual(await patch({ spec: { ports: port } }, PatchStrategy.StrategicMergePatch), ["80:8080", "53:53"]);
    assert.deepEqual(await patch({ spec: { ports: port } }, PatchStrategy.MergePatch), ["80:8080"]);
    const operation = { op: "replace", path: "/spec/ports/0/targetPort", value: "web" };
    assert.deepEqual(await patch([operation], PatchStrategy.JsonPatch), ["80:web"]);
    const applied = { apiVersion: "v1", kind: "Service", spec: { ports: [{ port: 80, targetPort: 9090 }] } };
    assert.deepEqual(await patch(applied, PatchStrategy.ServerSideApply), ["80:9090"]);
  },

  async refusals(namespace) {
    const body = configMap("a", { x: "1" });
    const made = await core.createNamespacedConfigMap({ namespace, body });
    assert.equal((await refused(409, core.createNamespacedConfigMap({ namespace, body }))).reason, "AlreadyExists");
    assert.equal((await refused(404, core.readNamespacedSecret({ namespace, name: "x" }))).details.kind, "secrets");
    await core.replaceNamespacedConfigMap({ namespace, name: "a", body: { ...made, data: { x: "2" } } });
    const stale = core.replaceNamespacedConfigMap({ namespace, name: "a", body: { ...made, data: { x: "3" } } });
    assert.equal((await refused(409, stale)).reason, "Conflict");
    const nothing = { metadata: { name: "s" }, spec: { type: "Nothing", ports: [{ port: 80 }] } };
    const status = await refused(422, core.createNamespacedService({ namespace, body: nothing }));
    assert.equal(status.details.causes[0].field, "spec.type");
    assert.equal((await core.deleteNamespacedConfigMap({ namespace, name: "a" })).status, "Success");
  },

  async watch(namespace) {
    const { metadata } = await core.listNamespacedConfigMap({ namespace });
    const heard = new Heard();
    const query = { resourceVersion: metadata.resourceVersion, allowWatchBookmarks: true };
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const done = (error) => heard.hear("done", error?.name ?? "");
    const controller = await new Watch(config).watch(path, query, (type, item) => heard.hear(type, item.metadata.name), done);
    await core.createNamespacedConfigMap({ namespace, body: configMap("a") });
    await core.patchNamespacedConfigMap(
      { namespace, name: "a", body: { data: { x: "2" } } },
      patchAs(PatchStrategy.MergePatch),
    );
    await core.deleteNamespacedConfigMap({ namespace, name: "a" });
    await heard.until("DELETED a");
    assert.deepEqual(heard.events, ["ADDED a", "MODIFIED a", "DELETED a"]);
    controller.abort();
    await heard.until("done AbortError");
  },

  async informer(namespace) {
    const heard = new Heard();
    await core.createNamespacedConfigMap({ namespace, body: configMap("a") });
    const list = () => core.listNamespacedConfigMap({ namespace });
    const informer = makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, list);
    for (const type of ["add", "update", "delete"]) {
      informer.on(type, (item) => heard.hear(type, item.metadata.name));
    }
    informer.on("error", (error) => {
      heard.hear("error", error.statusCode ?? error.code ?? "");
      setTimeout(() => informer.start(), 50);
    });
    await informer.start();
    await heard.until("add a");
    // The informer does not hear of this, and the server forgets what was before its start.
    await core.createNamespacedConfigMap({ namespace: "default", body: configMap("elsewhere") });
    await restart();
    await core.deleteNamespacedConfigMap({ namespace, name: "a" });
    await core.createNamespacedConfigMap({ namespace, body: configMap("b") });
    await heard.until("delete a");
    await heard.until("add b");
    assert.deepEqual(informer.list(namespace).map((item) => item.metadata.name), ["b"]);
    await informer.stop();
  },

  async objects(namespace) {
    const objects = KubernetesObjectApi.makeApiClient(config);
    const labels = { app: "web" };
    const containers = [{ name: "c", image: "i" }];
    const deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "d", namespace },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
    };
    assert.equal((await objects.create(deployment)).spec.replicas, 1);
    const scaled = { ...deployment, spec: { replicas: 3 } };
    assert.equal((await objects.patch(scaled, undefined, undefined, undefined, undefined, PatchStrategy.MergePatch)).spec.replicas, 3);
    const apps = config.makeApiClient(AppsV1Api);
    assert.equal((await apps.readNamespacedDeploymentScale({ namespace, name: "d" })).spec.replicas, 3);
    await objects.delete(deployment);
    await refused(404, objects.read(deployment));
    assert.equal((await config.makeApiClient(VersionApi).getCode()).major, "1");
  },
};

for (const [name, scenario] of Object.entries(scenarios)) {
  const namespace = `node-${name}`;
  await core.createNamespace({ body: { metadata: { name: namespace } } });
  await scenario(namespace);
  console.log(`ok ${name}`);
}
process.exit(0);
