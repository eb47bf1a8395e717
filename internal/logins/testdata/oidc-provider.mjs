// npm's oidc-provider, with one client, one person who is logged in without being asked, and the paths of the lab's provider.
import Provider from "oidc-provider";
import { createServer } from "node:https";
import { readFileSync } from "node:fs";
import { generateKeyPairSync } from "node:crypto";

const env = process.env;
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const at = `https://localhost:${env.PORT}`;
const path = "/protocol/openid-connect";
const provider = new Provider(at, {
  clients: [{ client_id: "app", client_secret: "secret", redirect_uris: [env.REDIRECT], post_logout_redirect_uris: [env.REDIRECT],
    grant_types: ["authorization_code", "refresh_token"] }],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256" }] },
  routes: { authorization: "/auth", token: `${path}/token`, userinfo: `${path}/userinfo`, introspection: `${path}/token/introspect`,
    end_session: `${path}/logout` },
  features: { introspection: { enabled: true }, devInteractions: { enabled: false } },
  pkce: { required: () => false },
  issueRefreshToken: () => true,
  cookies: { keys: ["a-key-of-cookies"] },
  claims: { openid: ["sub", "SubjectNameID", "given_name", "family_name", "SubjectRefPro"] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, SubjectNameID: id, given_name: "KIT", family_name: "DOC0021889",
    SubjectRefPro: "x".repeat(1000) }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
});
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith("/interaction/")) return next();
  const { params } = await provider.interactionDetails(ctx.req, ctx.res);
  const grant = new provider.Grant({ accountId: env.PERSON, clientId: params.client_id });
  grant.addOIDCScope("openid");
  ctx.respond = false;
  await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: env.PERSON }, consent: { grantId: await grant.save() } });
});
createServer({ cert: readFileSync(env.CERT), key: readFileSync(env.KEY) }, provider.callback()).listen(env.PORT, "localhost", () => console.log(at));
