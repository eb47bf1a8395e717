package psc

import (
	"net/http"
)

// metadata is the discovery document in the members of the real one (reference §2.2), 54 of them.
type metadata struct {
	Issuer                     string   `json:"issuer"`
	AuthorizationEndpoint      string   `json:"authorization_endpoint"`
	TokenEndpoint              string   `json:"token_endpoint"`
	IntrospectionEndpoint      string   `json:"introspection_endpoint"`
	UserinfoEndpoint           string   `json:"userinfo_endpoint"`
	EndSessionEndpoint         string   `json:"end_session_endpoint"`
	FrontchannelLogoutSession  bool     `json:"frontchannel_logout_session_supported"`
	FrontchannelLogout         bool     `json:"frontchannel_logout_supported"`
	JWKSURI                    string   `json:"jwks_uri"`
	CheckSessionIframe         string   `json:"check_session_iframe"`
	GrantTypes                 []string `json:"grant_types_supported"`
	ACRValues                  []string `json:"acr_values_supported"`
	ResponseTypes              []string `json:"response_types_supported"`
	SubjectTypes               []string `json:"subject_types_supported"`
	IDTokenSigning             []string `json:"id_token_signing_alg_values_supported"`
	IDTokenEncryption          []string `json:"id_token_encryption_alg_values_supported"`
	IDTokenEncryptionEnc       []string `json:"id_token_encryption_enc_values_supported"`
	UserinfoSigning            []string `json:"userinfo_signing_alg_values_supported"`
	UserinfoEncryption         []string `json:"userinfo_encryption_alg_values_supported"`
	UserinfoEncryptionEnc      []string `json:"userinfo_encryption_enc_values_supported"`
	RequestObjectSigning       []string `json:"request_object_signing_alg_values_supported"`
	RequestObjectEncryption    []string `json:"request_object_encryption_alg_values_supported"`
	RequestObjectEncryptionEnc []string `json:"request_object_encryption_enc_values_supported"`
	ResponseModes              []string `json:"response_modes_supported"`
	RegistrationEndpoint       string   `json:"registration_endpoint"`
	TokenAuth                  []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthSigning           []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAuth          []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAuthSigning   []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	AuthorizationSigning       []string `json:"authorization_signing_alg_values_supported"`
	AuthorizationEncryption    []string `json:"authorization_encryption_alg_values_supported"`
	AuthorizationEncryptionEnc []string `json:"authorization_encryption_enc_values_supported"`
	Claims                     []string `json:"claims_supported"`
	ClaimTypes                 []string `json:"claim_types_supported"`
	ClaimsParameter            bool     `json:"claims_parameter_supported"`
	Scopes                     []string `json:"scopes_supported"`
	RequestParameter           bool     `json:"request_parameter_supported"`
	RequestURIParameter        bool     `json:"request_uri_parameter_supported"`
	RequireRequestURI          bool     `json:"require_request_uri_registration"`
	CodeChallengeMethods       []string `json:"code_challenge_methods_supported"`
	BoundTokens                bool     `json:"tls_client_certificate_bound_access_tokens"`
	RevocationEndpoint         string   `json:"revocation_endpoint"`
	RevocationAuth             []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAuthSigning      []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	BackchannelLogout          bool     `json:"backchannel_logout_supported"`
	BackchannelLogoutSession   bool     `json:"backchannel_logout_session_supported"`
	DeviceEndpoint             string   `json:"device_authorization_endpoint"`
	BackchannelDelivery        []string `json:"backchannel_token_delivery_modes_supported"`
	BackchannelEndpoint        string   `json:"backchannel_authentication_endpoint"`
	BackchannelSigning         []string `json:"backchannel_authentication_request_signing_alg_values_supported"`
	RequirePAR                 bool     `json:"require_pushed_authorization_requests"`
	PAREndpoint                string   `json:"pushed_authorization_request_endpoint"`
	MTLSAliases                aliases  `json:"mtls_endpoint_aliases"`
	IssParameter               bool     `json:"authorization_response_iss_parameter_supported"`
}

// aliases are the endpoints for clients with a certificate: the same, as at the real one.
type aliases struct {
	Token         string `json:"token_endpoint"`
	Revocation    string `json:"revocation_endpoint"`
	Introspection string `json:"introspection_endpoint"`
	Device        string `json:"device_authorization_endpoint"`
	Registration  string `json:"registration_endpoint"`
	Userinfo      string `json:"userinfo_endpoint"`
	PAR           string `json:"pushed_authorization_request_endpoint"`
	Backchannel   string `json:"backchannel_authentication_endpoint"`
}

var (
	signingAlgs = []string{"PS384", "RS384", "EdDSA", "ES384", "HS256", "HS512", "ES256", "RS256", "HS384",
		"ES512", "PS256", "PS512", "RS512"}
	// publicAlgs are those without a shared secret, of requests.
	publicAlgs  = []string{"PS384", "RS384", "EdDSA", "ES384", "ES256", "RS256", "ES512", "PS256", "PS512", "RS512"}
	wrapAlgs    = []string{"RSA-OAEP", "RSA-OAEP-256", "RSA1_5"}
	contentEncs = []string{"A256GCM", "A192GCM", "A128GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"}
	authMethods = []string{"private_key_jwt", "client_secret_basic", "client_secret_post", "tls_client_auth",
		"client_secret_jwt"}
	scopesKnown = []string{"openid", "microprofile-jwt", "rpps", "referentiel", "web-origins", "basic",
		"identity", "acr", "offline_access",
		"eidas1", "profile", "roles", "email", "scope_all", "phone", "interop", "scope_1", "address", "scope_2",
		"eidas2"}
)

func (p *Provider) metadata() *metadata {
	protocol := p.IssuerURL + protocolPath
	withNone := append(append([]string(nil), signingAlgs...), "none")
	m := &metadata{
		Issuer: p.Issuer(), AuthorizationEndpoint: p.WalletURL + "/auth", TokenEndpoint: protocol + "/token",
		IntrospectionEndpoint: protocol + "/token/introspect", UserinfoEndpoint: protocol + "/userinfo",
		EndSessionEndpoint:        protocol + "/logout",
		FrontchannelLogoutSession: true, FrontchannelLogout: true, JWKSURI: protocol + "/certs",
		CheckSessionIframe: protocol + "/login-status-iframe.html",
		GrantTypes: []string{"authorization_code", "implicit", "refresh_token", "password",
			"client_credentials", grantCIBA,
			"urn:ietf:params:oauth:grant-type:device_code"},
		ACRValues: []string{"0", "0"}, // as the real one
		ResponseTypes: []string{"code", "none", "id_token", "token", "id_token token", "code id_token",
			"code token", "code id_token token"},
		SubjectTypes: []string{"public",
			"pairwise"}, IDTokenSigning: signingAlgs, IDTokenEncryption: wrapAlgs, IDTokenEncryptionEnc: contentEncs,
		UserinfoSigning: withNone, UserinfoEncryption: wrapAlgs, UserinfoEncryptionEnc: contentEncs,
		RequestObjectSigning: withNone, RequestObjectEncryption: wrapAlgs, RequestObjectEncryptionEnc: contentEncs,
		ResponseModes: []string{"query", "fragment", "form_post", "query.jwt", "fragment.jwt",
			"form_post.jwt", "jwt"},
		RegistrationEndpoint: p.Issuer() + "/clients-registrations/openid-connect",
		TokenAuth:            authMethods, TokenAuthSigning: signingAlgs, IntrospectionAuth: authMethods,
		IntrospectionAuthSigning: signingAlgs,
		AuthorizationSigning:     signingAlgs, AuthorizationEncryption: wrapAlgs,
		AuthorizationEncryptionEnc: contentEncs,
		Claims: []string{"aud", "sub", "iss", "auth_time", "name", "given_name", "family_name",
			"preferred_username", "email", "acr"},
		ClaimTypes: []string{"normal"}, ClaimsParameter: true, Scopes: scopesKnown, RequestParameter: true,
		RequestURIParameter: true,
		RequireRequestURI:   true, CodeChallengeMethods: []string{"plain", "S256"}, BoundTokens: true,
		RevocationEndpoint: protocol + "/revoke", RevocationAuth: authMethods, RevocationAuthSigning: signingAlgs,
		BackchannelLogout: true, BackchannelLogoutSession: true, DeviceEndpoint: protocol + "/auth/device",
		BackchannelDelivery: []string{"poll",
			"ping"}, BackchannelEndpoint: protocol + "/ext/ciba/auth", BackchannelSigning: publicAlgs,
		PAREndpoint: protocol + "/ext/par/request", IssParameter: true,
	}
	m.MTLSAliases = aliases{m.TokenEndpoint, m.RevocationEndpoint, m.IntrospectionEndpoint, m.DeviceEndpoint,
		m.RegistrationEndpoint,
		m.UserinfoEndpoint, m.PAREndpoint, m.BackchannelEndpoint}
	return m
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request, _ *Call, _ *Settings) error {
	p.json(w, http.StatusOK, p.metadata())
	return nil
}

// standardDiscovery answers at the path of the standard. The real one names an authorization
// endpoint there whose page cannot be used.
func (p *Provider) standardDiscovery(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	m := p.metadata()
	switch settings.Discovery {
	case "off":
		return p.noEndpoint(w, r, call, settings)
	case "real":
		m.AuthorizationEndpoint = p.IssuerURL + nativeAuthorize
	}
	p.json(w, http.StatusOK, m)
	return nil
}

// realmInfo is Keycloak's page of a realm, from which some libraries take the key.
func (p *Provider) realmInfo(w http.ResponseWriter, r *http.Request, _ *Call, _ *Settings) error {
	key, err := p.keys.current(r.Context())
	if err != nil {
		return err
	}
	p.json(w, http.StatusOK, struct {
		Realm     string `json:"realm"`
		PublicKey string `json:"public_key"`
		Token     string `json:"token-service"`
		Account   string `json:"account-service"`
		NotBefore int    `json:"tokens-not-before"`
	}{realm, key.public(), p.IssuerURL + protocolPath, p.Issuer() + "/account", 0})
	return nil
}

func (p *Provider) jwks(w http.ResponseWriter, r *http.Request, _ *Call, _ *Settings) error {
	keys, err := p.keys.all(r.Context())
	if err != nil {
		return err
	}
	var set struct {
		Keys []jwk `json:"keys"`
	}
	for _, k := range keys {
		set.Keys = append(set.Keys, k.jwk())
	}
	p.json(w, http.StatusOK, set)
	return nil
}

func (p *Provider) notFound(w http.ResponseWriter, _ *http.Request) {
	p.json(w, http.StatusNotFound, map[string]string{"error": "Unable to find matching target resource method"})
}
