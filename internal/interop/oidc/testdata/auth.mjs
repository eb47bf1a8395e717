// A service that logs its visitors in with Auth.js. It looks for the discovery document at the standard path, and takes the
// authorization endpoint from its settings.
import { Auth, skipCSRFCheck } from "@auth/core";
import express from "express";

const config = {
  secret: "a-long-random-text-of-32-characters", trustHost: true, basePath: "/auth", skipCSRFCheck,
  providers: [{
    id: "psc", name: "Pro Santé Connect", type: "oidc", issuer: process.env.ISSUER, clientId: "mon-lgc", clientSecret: process.env.SECRET,
    authorization: { url: process.env.AUTHORIZATION, params: { scope: "openid scope_all", acr_values: "eidas1" } },
    checks: ["pkce", "state", "nonce"], idToken: false,
    profile: (info) => ({ id: info.SubjectNameID, name: info.SubjectNameID + " " + info.SubjectRole[0], email: null }),
  }],
};
const answer = async (res, request) => {
  const r = await Auth(request, config);
  r.headers.forEach((value, name) => name === "set-cookie" || res.set(name, value));
  res.set("set-cookie", r.headers.getSetCookie());
  res.status(r.status).send(await r.text());
};
const app = express();
const address = (req) => new URL(req.url, "http://localhost:" + process.env.PORT);
app.get("/", (req, res) => answer(res, new Request(new URL("/auth/signin/psc", address(req)), {
  method: "POST", headers: { cookie: req.headers.cookie ?? "" }, body: new URLSearchParams({ callbackUrl: "/auth/session" }),
})));
app.get("/auth/*", (req, res) => answer(res, new Request(address(req), { headers: { cookie: req.headers.cookie ?? "" } })));
app.listen(Number(process.env.PORT), "localhost");
