// Goes through Pro Santé Connect with openid-client, as a relying party would, and prints one line for each check. Exits with 1
// when one fails.
import * as client from "openid-client";
import * as jose from "jose";
import { Agent, fetch as undiciFetch } from "undici";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const env = process.env;
const ca = readFileSync(env.CA);
const plain = new Agent({ connect: { ca } });
const withCard = new Agent({ connect: { ca, cert: readFileSync(env.DOCTOR_CERT), key: readFileSync(env.DOCTOR_KEY) } });
const mutual = new Agent({ connect: { ca, cert: readFileSync(env.MTLS_CERT), key: readFileSync(env.MTLS_KEY) } });
const wrongMutual = new Agent({ connect: { ca, cert: readFileSync(env.DOCTOR_CERT), key: readFileSync(env.DOCTOR_KEY) } });
const over = (dispatcher) => (url, options) => undiciFetch(url, { ...options, dispatcher });

let failed = 0;
const check = (what, ok, seen) => {
  console.log(`${ok ? "ok" : "FAILED"} - ${what}${ok ? "" : ": " + JSON.stringify(seen)}`);
  if (!ok) failed++;
};
const refused = async (what, promise, status, error, description) => {
  try {
    check(what, false, await promise);
  } catch (e) {
    const got = { status: e.status, error: e.error, description: e.error_description };
    check(what, e.error === error && e.status === status && (description === undefined || e.error_description === description), got.error ? got : String(e.stack));
  }
};

// A browser: cookies, and no redirection followed by itself.
class Browser {
  cookies = new Map();
  async go(url, options = {}) {
    for (let hops = 0; hops < 15; hops++) {
      const to = new URL(url);
      if (to.host === new URL(env.REDIRECT).host) return { url: to };
      const card = to.port === env.CARD_PORT;
      const r = await undiciFetch(to, {
        ...options, redirect: "manual", dispatcher: card ? withCard : plain,
        headers: { accept: "text/html", "accept-language": "fr", cookie: [...this.cookies].map(([k, v]) => `${k}=${v}`).join("; "), ...options.headers },
      });
      for (const line of r.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
        if (/max-age=0/i.test(line)) this.cookies.delete(name); else this.cookies.set(name, value);
      }
      if (r.status < 300 || r.status >= 400) return { url: to, status: r.status, body: await r.text(), headers: r.headers };
      url = new URL(r.headers.get("location"), to);
      options = {};
    }
    throw new Error("too many redirections");
  }
  async login(url, mode) {
    const page = await this.go(url);
    if (!page.body) return page.url; // single sign-on
    if (mode === "card") return (await this.go(/href="([^"]*\/carte\?[^"]*)"/.exec(page.body)[1].replaceAll("&amp;", "&"))).url;
    const login = /name="login" value="([^"]+)"/.exec(page.body)[1];
    return (await this.go(new URL("/auth/e-cps", page.url), {
      method: "POST", body: new URLSearchParams({ login, identifiant: env.PERSON }), headers: { "content-type": "application/x-www-form-urlencoded" },
    })).url;
  }
}

const discover = async (id, secret, auth, fetch) => client.discovery(new URL(env.DISCOVERY), id, secret ? { client_secret: secret } : {}, auth, { [client.customFetch]: fetch });
const begin = async (config, more = {}) => {
  const verifier = client.randomPKCECodeVerifier(), state = client.randomState(), nonce = client.randomNonce();
  const params = { redirect_uri: env.REDIRECT, scope: "openid scope_all", acr_values: "eidas1", state, nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256", ...more };
  return { params, checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true } };
};

const config = await discover(env.CLIENT, env.SECRET, client.ClientSecretBasic(env.SECRET), over(plain));
check("discovery at the wallet's path", config.serverMetadata().issuer === env.ISSUER, config.serverMetadata());
const standard = await client.discovery(new URL(env.ISSUER), env.CLIENT, {}, client.ClientSecretBasic(env.SECRET), { [client.customFetch]: over(plain) });
check("discovery at the standard path", standard.serverMetadata().issuer === env.ISSUER);

// code, by e-CPS
const browser = new Browser();
let { params, checks } = await begin(config);
let back = await browser.login(client.buildAuthorizationUrl(config, params), "ecps");
let tokens = await client.authorizationCodeGrant(config, back, checks);
check("code flow by e-CPS", tokens.claims().authMode === "MOBILE" && tokens.claims().acr === "eidas1", tokens.claims());
check("SubjectNameID of the person", tokens.claims().SubjectNameID === env.PERSON, tokens.claims());
const first = tokens;
await refused("a code used twice", client.authorizationCodeGrant(config, back, checks), 400, "invalid_grant", "Code not valid");
await refused("userinfo after that", client.fetchUserInfo(config, first.access_token, first.claims().sub).catch((e) => {
  throw { error: e.cause?.[0]?.parameters?.error, status: e.response?.status ?? e.status };
}), 401, "invalid_token");

// single sign-on
({ params, checks } = await begin(config, { prompt: "none" }));
tokens = await client.authorizationCodeGrant(config, await browser.login(client.buildAuthorizationUrl(config, params)), checks);
check("single sign-on with prompt=none", tokens.claims().sub === first.claims().sub);
const info = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
check("userinfo", info.SubjectRefPro.exercices.length > 0 && info.Acces_Regulation_Medicale === "FAUX", info);
({ params, checks } = await begin(config, { prompt: "none" }));
back = await new Browser().login(client.buildAuthorizationUrl(config, params));
await refused("prompt=none without a session", client.authorizationCodeGrant(config, back, checks).catch((e) => {
  throw { error: e.error, status: 302 };
}), 302, "login_required");
({ params, checks } = await begin(config, { max_age: "0" }));
check("max_age=0 asks again", (await browser.go(client.buildAuthorizationUrl(config, params))).body?.includes("identifiant"));

// introspection, revocation
let active = await client.tokenIntrospection(config, tokens.access_token);
check("introspection of an access token", active.active && active.username === env.PERSON && active.client_id === env.CLIENT, active);
active = await client.tokenIntrospection(config, tokens.refresh_token);
check("introspection of a refresh token", active.active && active.SubjectNameID === undefined, active);
check("introspection of nonsense", (await client.tokenIntrospection(config, "nonsense")).active === false);

// refresh, with rotation
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
check("refresh", refreshed.refresh_token !== tokens.refresh_token && refreshed.claims().SubjectNameID === env.PERSON);
await refused("a refresh token used twice", client.refreshTokenGrant(config, tokens.refresh_token), 400, "invalid_grant");
await refused("the refresh token that replaced it, after that", client.refreshTokenGrant(config, refreshed.refresh_token), 400, "invalid_grant");

// code, by card
({ params, checks } = await begin(config, { prompt: "login" }));
tokens = await client.authorizationCodeGrant(config, await new Browser().login(client.buildAuthorizationUrl(config, params), "card"), checks);
check("code flow by card", tokens.claims().authMode === "CARD" && tokens.claims().SubjectNameID === env.DOCTOR, tokens.claims());
await client.tokenRevocation(config, tokens.refresh_token);
check("revocation of the refresh token", (await client.tokenIntrospection(config, tokens.access_token)).active === false);

// form_post
({ params, checks } = await begin(config, { response_mode: "form_post" }));
const form = await browser.go(client.buildAuthorizationUrl(config, params));
const page = form.body?.includes('id="retour"') ? form : await (async () => {
  const login = /name="login" value="([^"]+)"/.exec(form.body)[1];
  return browser.go(new URL("/auth/e-cps", form.url), { method: "POST", body: new URLSearchParams({ login, identifiant: env.PERSON }), headers: { "content-type": "application/x-www-form-urlencoded" } });
})();
const fields = new URLSearchParams([...page.body.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)].map((m) => [m[1], m[2]]));
tokens = await client.authorizationCodeGrant(config, new Request(env.REDIRECT, { method: "POST", body: fields, headers: { "content-type": "application/x-www-form-urlencoded" } }), checks);
check("form_post", tokens.claims().SubjectNameID === env.PERSON);
check("form_post's content policy", page.headers.get("content-security-policy").includes("form-action " + new URL(env.REDIRECT).origin));

// pushed authorization request, client_secret_post
const post = await discover(env.CLIENT, env.SECRET, client.ClientSecretPost(env.SECRET), over(plain));
({ params, checks } = await begin(post));
const pushed = await client.buildAuthorizationUrlWithPAR(post, params);
check("a pushed request has only its address", [...pushed.searchParams.keys()].sort().join() === "client_id,request_uri");
tokens = await client.authorizationCodeGrant(post, await browser.login(pushed), checks);
check("code flow of a pushed request", tokens.claims().SubjectNameID === env.PERSON);
check("a pushed request used twice", (await browser.go(pushed)).status === 400);

// signed userinfo
const signed = await undiciFetch(config.serverMetadata().userinfo_endpoint, { dispatcher: plain, headers: { authorization: "Bearer " + tokens.access_token, accept: "application/jwt" } });
const jwks = jose.createLocalJWKSet(await (await undiciFetch(config.serverMetadata().jwks_uri, { dispatcher: plain })).json());
const verified = await jose.jwtVerify(await signed.text(), jwks, { issuer: env.ISSUER, audience: env.CLIENT });
check("signed userinfo", verified.payload.SubjectNameID === env.PERSON);

// mutual TLS
const tls = await discover(env.MTLS_CLIENT, undefined, client.TlsClientAuth(), over(mutual));
({ params, checks } = await begin(tls));
tokens = await client.authorizationCodeGrant(tls, await browser.login(client.buildAuthorizationUrl(tls, params)), checks);
check("code flow with mutual TLS", tokens.claims().aud === env.MTLS_CLIENT, tokens.claims());
const none = await discover(env.MTLS_CLIENT, undefined, client.TlsClientAuth(), over(plain));
await refused("mutual TLS without a certificate", client.refreshTokenGrant(none, tokens.refresh_token), 401, "unauthorized_client");
const wrong = await discover(env.MTLS_CLIENT, undefined, client.TlsClientAuth(), over(wrongMutual));
await refused("mutual TLS with another certificate", client.refreshTokenGrant(wrong, tokens.refresh_token), 401, "unauthorized_client");

// CIBA
const ask = (c, more = {}) => client.initiateBackchannelAuthentication(c, { scope: "openid scope_all", acr_values: "eidas1", login_hint: env.PERSON, binding_message: "42", ...more });
let request = await ask(config);
check("CIBA acknowledgement", request.expires_in === 120 && request.interval === 1, request);
tokens = await client.pollBackchannelAuthenticationGrant(config, request);
check("CIBA poll", tokens.claims().SubjectNameID === env.PERSON && tokens.claims().authMode === "MOBILE");
await refused("CIBA polled after the tokens", client.genericGrantRequest(config, "urn:openid:params:grant-type:ciba", { auth_req_id: request.auth_req_id }), 400, "invalid_grant");
await refused("CIBA for an RPPS without the 8", ask(config, { login_hint: env.PERSON.slice(1) }), 400, "invalid_request", "invalid user");
await refused("CIBA with spaces in binding_message", ask(config, { binding_message: "a b" }), 400, "invalid_binding_message");
request = await ask(tls);
check("CIBA with mutual TLS", (await client.pollBackchannelAuthenticationGrant(tls, request)).claims().aud === env.MTLS_CLIENT);

// logout, with a token for the client
const received = new Promise((resolve) => {
  const server = createServer((req, res) => {
    let body = "";
    req.on("data", (d) => (body += d)).on("end", () => { res.writeHead(200).end(); server.close(); resolve(new URLSearchParams(body).get("logout_token")); });
  }).listen(Number(env.LOGOUT_PORT), "127.0.0.1");
});
const last = new Browser();
({ params, checks } = await begin(config));
tokens = await client.authorizationCodeGrant(config, await last.login(client.buildAuthorizationUrl(config, params), "ecps"), checks);
const out = await last.go(client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: env.REDIRECT, state: "bye-bye" }));
check("logout comes back", out.url.href === env.REDIRECT + "?state=bye-bye", out.url);
const logout = await jose.jwtVerify(await received, jwks, { issuer: env.ISSUER, audience: env.CLIENT });
check("logout token", logout.payload.sid === tokens.claims().sid && logout.payload.sub === tokens.claims().sub && logout.payload.events["http://schemas.openid.net/event/backchannel-logout"] !== undefined && logout.payload.nonce === undefined);
await refused("refresh after the logout", client.refreshTokenGrant(config, tokens.refresh_token), 400, "invalid_grant");

console.log(failed ? `${failed} failed` : "all passed");
process.exit(failed ? 1 : 0);
