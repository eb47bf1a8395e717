// The flow of an order, with a client that openapi-fetch types by the generated paths.
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

const api = createClient<paths>({
  baseUrl: process.env.LAB + "/api/v1",
  headers: { Authorization: "Bearer " + process.env.TOKEN },
});

function must<T>(what: string, answer: { data?: T; error?: components["schemas"]["Problem"] }): T {
  if (answer.data === undefined) throw new Error(what + ": " + JSON.stringify(answer.error));
  return answer.data;
}

const me = must("whoami", await api.GET("/whoami"));
const structure = me.grants[0]?.structure;
if (me.way !== "token" || structure === undefined) throw new Error("whoami: " + JSON.stringify(me));
const holder = { structure, organisation: "HOPITAL TEST", department: "Paris (75)" };

const csr = readFileSync(process.env.CSR!, "utf8");
const asked = must("order", await api.POST("/orders", { body: { usage: "SSL_SERV", csr, ...holder } }));
if (asked.state !== "à retirer") throw new Error(asked.state);
// @ts-expect-error: there is no such state, and the types know it
if (asked.state === "prêt") throw new Error(asked.state);
const code = { code: "code-to-keep", code_again: "code-to-keep", accept: true };
const path = { params: { path: { number: asked.number } } };
const withdrawn = must("withdraw", await api.POST("/orders/{number}/withdraw", { ...path, body: code }));
const pem = must("certificate", await api.GET("/orders/{number}/certificate", { ...path, parseAs: "text" }));
if (!pem.startsWith("-----BEGIN CERTIFICATE-----")) throw new Error(pem);
const serial = withdrawn.certificates![0]!.serial;
const found = must("by serial", await api.GET("/certificates/{serial}", { params: { path: { serial } } }));
if (found.status !== "good") throw new Error(found.status);

const password = "cheval correct";
const other = must("order", await api.POST("/orders", { body: { usage: "AUTH_CLI", service: "DMP", password, ...holder } }));
const otherPath = { params: { path: { number: other.number } } };
must("withdraw", await api.POST("/orders/{number}/withdraw", { ...otherPath, body: { ...code, password } }));
const p12 = must("pkcs12", await api.POST("/orders/{number}/pkcs12",
  { ...otherPath, body: { password, form: "modern" }, parseAs: "arrayBuffer" }));
const size = (p12 as unknown as ArrayBuffer).byteLength; // the generator calls any binary a string
if (size < 1000) throw new Error("a PKCS#12 of " + size);
const twice = await api.POST("/orders/{number}/pkcs12", { ...otherPath, body: { password, form: "ans" } });
if (twice.error?.code !== "ORDER-DELIVERED") throw new Error(JSON.stringify(twice.error));
const revoked = must("revoke", await api.POST("/orders/{number}/revoke",
  { ...otherPath, body: { code: "code-to-keep", reason: "superseded" } }));
if (revoked.state !== "révoqué") throw new Error(revoked.state);
const list = must("list", await api.GET("/orders", { params: { query: { limit: 10 } } }));
console.log(list.orders.map((o) => o.usage + " " + o.state).sort().join(", "));
