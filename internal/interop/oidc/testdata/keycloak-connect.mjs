// A service that logs its visitors in with Keycloak's own adapter, as the adapter's documentation has it. The adapter knows where a
// Keycloak has its endpoints and reads no discovery document.
import express from "express";
import session from "express-session";
import Keycloak from "keycloak-connect";

const store = new session.MemoryStore();
const app = express();
app.use(session({ secret: "a-long-random-text", resave: false, saveUninitialized: true, store }));
const keycloak = new Keycloak({ store, scope: "openid scope_all" }, {
  realm: "esante-wallet", "auth-server-url": process.env.ISSUER.replace("/realms/esante-wallet", ""),
  resource: "mon-lgc", credentials: { secret: process.env.SECRET }, "confidential-port": 0, "ssl-required": "external",
});
app.use(keycloak.middleware({ logout: "/logout", admin: "/" }));
app.get("/", (_, res) => res.send("home"));
app.get("/who", keycloak.protect(), async (req, res) => {
  const { access_token: token } = req.kauth.grant;
  const info = await keycloak.grantManager.userInfo(token);
  const active = await keycloak.grantManager.validateAccessToken(token); // it asks the introspection endpoint
  res.send(`${info.SubjectNameID} ${info.authMode} ${active ? "active" : "not active"}`);
});
// the former logout of Keycloak, by a server
app.get("/end", keycloak.protect(), async (req, res) => {
  const answer = await fetch(process.env.ISSUER + "/protocol/openid-connect/logout", { method: "POST", body: new URLSearchParams({
    client_id: "mon-lgc", client_secret: process.env.SECRET, refresh_token: req.kauth.grant.refresh_token.token }) });
  const active = await keycloak.grantManager.validateAccessToken(req.kauth.grant.access_token);
  res.send(`${answer.status} ${active ? "active" : "not active"}`);
});
app.listen(Number(process.env.PORT), "localhost");
