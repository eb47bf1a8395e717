// Walks the whole of an Annuaire as a client does, and holds what it gets to FHIR R4 and to the
// invariants of the guide's profiles. Prints what it found as JSON.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { Client } from "fhir-kit-client";

const require = createRequire(import.meta.url);
const { Fhir } = require("fhir");
const fhirpath = require("fhirpath");
const r4 = require("fhirpath/fhir-context/r4");

const [base, every, profiles] = process.argv.slice(2);
const client = new Client({ baseUrl: base });
const fhir = new Fhir();
const problems = [];
const problem = (text) => { if (problems.length < 20) problems.push(text); };

// invariants are the constraints of a profile that are errors, each with the path it is of.
function invariants(name) {
  const file = path.join(profiles, "StructureDefinition-" + name + ".json");
  const list = [];
  for (const e of JSON.parse(fs.readFileSync(file)).snapshot.element) {
    if (e.id.includes(":") || e.id.includes("[x]") || e.max === "0") continue;
    for (const c of e.constraint ?? []) {
      if (c.severity !== "error" || !c.expression || c.key.startsWith("dom-") || c.key === "ext-1") continue;
      try {
        list.push({ key: c.key + " of " + e.path,
          holds: fhirpath.compile({ base: e.path.split(".")[0], expression: e.path + ".all(" + c.expression + ")" }, r4) });
      } catch {
        try {
          list.push({ key: c.key + " of " + e.path, holds: fhirpath.compile(e.path + ".all(" + c.expression + ")", r4) });
        } catch { /* not an expression of FHIRPath 2: none is counted */ }
      }
    }
  }
  return list;
}

const known = {};
const counts = {};
const seen = new Set();
const references = new Set();
let validated = 0, evaluated = 0;

function collect(value) {
  if (Array.isArray(value)) value.forEach(collect);
  else if (value && typeof value === "object") {
    if (typeof value.reference === "string") references.add(value.reference);
    Object.values(value).forEach(collect);
  }
}

for (const resourceType of ["Organization", "Practitioner", "PractitionerRole", "HealthcareService", "Device"]) {
  let bundle = await client.search({ resourceType, searchParams: { _count: 200 } });
  const total = bundle.total;
  let n = 0;
  for (;;) {
    for (const entry of bundle.entry ?? []) {
      const resource = entry.resource, name = resource.resourceType + "/" + resource.id;
      n++;
      if (seen.has(name)) problem(name + " comes twice");
      seen.add(name);
      if (entry.fullUrl !== base + "/" + name) problem("fullUrl " + entry.fullUrl);
      collect(resource);
      if (n % every !== 0) continue;
      validated++;
      for (const m of fhir.validate(resource, { errorOnUnexpected: true }).messages) {
        if (m.severity === "error" || m.severity === "fatal") problem(name + ": " + m.location + ": " + m.message);
      }
      if (!profiles) continue;
      const profile = resource.meta.profile.at(-1).split("|")[0].split("/").pop();
      known[profile] ??= invariants(profile);
      if (validated % 10 !== 1) continue;
      for (const i of known[profile]) {
        evaluated++;
        const result = i.holds(resource);
        if (result.length === 1 && result[0] === false) problem(name + ": invariant " + i.key);
      }
    }
    if (!bundle.link.find((l) => l.relation === "next")) break;
    bundle = await client.nextPage({ bundle });
  }
  if (n !== total) problem(resourceType + ": " + n + " came, total " + total);
  counts[resourceType] = n;
}
for (const r of references) if (!seen.has(r)) problem("nothing is " + r);

// The check itself can fail.
const spoiled = await client.search({ resourceType: "Practitioner", searchParams: { _count: 1 } });
spoiled.entry[0].resource.active = "yes";
spoiled.entry[0].resource.colour = "blue";
if (!fhir.validate(spoiled.entry[0].resource, { errorOnUnexpected: true }).messages.some((m) => m.severity === "error"))
  problem("the validator finds nothing wrong with a spoiled resource");

const doctor = await client.search({ resourceType: "Practitioner", searchParams: { "qualification-code": "10", active: "true", _count: 3,
  _revinclude: "PractitionerRole:practitioner" } });
const read = await client.read({ resourceType: "Practitioner", id: doctor.entry[0].resource.id });
if (read.id !== doctor.entry[0].resource.id) problem("read gives " + read.id);
const capability = await client.capabilityStatement();
if (!fhir.validate(capability).messages.every((m) => m.severity !== "error" && m.severity !== "fatal"))
  problem("capability statement: " + JSON.stringify(fhir.validate(capability).messages.filter((m) => m.severity === "error")));
const posted = await client.search({ resourceType: "Organization", searchParams: { "name:contains": "hop,clin" }, options: { postSearch: true } });
if (!(posted.total > 0)) problem("POST _search finds " + posted.total);
try {
  await client.search({ resourceType: "Practitioner", searchParams: { colour: "blue" } });
  problem("an unknown parameter is answered");
} catch (e) {
  if (e.response?.status !== 400 || e.response?.data?.resourceType !== "OperationOutcome")
    problem("an unknown parameter: " + e.response?.status + " " + JSON.stringify(e.response?.data));
}
console.log(JSON.stringify({ counts, references: references.size, validated, evaluated,
  invariants: Object.fromEntries(Object.entries(known).map(([k, v]) => [k, v.length])), problems }));
