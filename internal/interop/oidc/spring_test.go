package oidc

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/internal/yamlfile"
)

// springProperties are those of a registration and of a provider in Spring Boot's class
// OAuth2ClientProperties: version 2.0 has them, and later ones too.
var springProperties = map[string][]string{
	"registration.psc": {"provider", "client-id", "client-secret", "client-authentication-method",
		"authorization-grant-type", "redirect-uri", "scope", "client-name"},
	"provider.psc": {"authorization-uri", "token-uri", "user-info-uri", "user-info-authentication-method",
		"user-name-attribute", "jwk-set-uri", "issuer-uri"},
}

// spring stands in for Spring Boot, which is not among Debian's packages: it takes the page's YAML,
// whose names must be Spring's, and does with the values what Spring's OAuth 2.0 login does. The
// page's trust store is made with the JDK.
func (s *site) spring(t *testing.T) {
	const heading = "Spring Boot"
	peer.Need(t, "keytool")
	commands, _, ok := strings.Cut(s.text(heading, "sh"), "java -D")
	if !ok {
		t.Fatal("the application is not started")
	}
	s.sh(commands)
	var file map[string]map[string]map[string]string
	text := strings.ReplaceAll(s.text(heading, "yaml"), "client-secret: SECRET", "client-secret: "+s.secret)
	if err := yamlfile.Decode([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	read := file["spring.security.oauth2.client"]
	if len(file) != 1 || len(read) != len(springProperties) {
		t.Errorf("not Spring's properties: %v", file)
	}
	for group, properties := range read {
		for name := range properties {
			if !slices.Contains(springProperties[group], name) {
				t.Errorf("%s has no property %s", group, name)
			}
		}
	}
	registration, provider := read["registration.psc"], read["provider.psc"]
	if registration["authorization-grant-type"] != "authorization_code" {
		t.Errorf("a grant of type %s", registration["authorization-grant-type"])
	}
	base := strings.TrimSuffix(s.address("/"), "/")
	config := oauth2.Config{ClientID: registration["client-id"], ClientSecret: registration["client-secret"],
		RedirectURL: strings.NewReplacer("{baseUrl}", base, "{registrationId}", "psc").
			Replace(registration["redirect-uri"]),
		Endpoint: oauth2.Endpoint{AuthURL: provider["authorization-uri"], TokenURL: provider["token-uri"],
			AuthStyle: oauth2.AuthStyleInHeader}}
	for scope := range strings.SplitSeq(registration["scope"], ",") {
		config.Scopes = append(config.Scopes, strings.TrimSpace(scope))
	}
	ctx := oidc.ClientContext(t.Context(), &newVisitor(t, s.root, person).http)
	// without an issuer-uri Spring does not compare the issuer
	verifier := oidc.NewVerifier("", oidc.NewRemoteKeySet(ctx, provider["jwk-set-uri"]),
		&oidc.Config{ClientID: config.ClientID, SkipIssuerCheck: true})
	name := func(code string) (string, error) {
		tokens, err := config.Exchange(ctx, code)
		if err != nil {
			return "", err
		}
		raw, _ := tokens.Extra("id_token").(string)
		token, err := verifier.Verify(ctx, raw)
		if err != nil {
			return "", err
		}
		if token.Nonce != "a-nonce" {
			return "", fmt.Errorf("the nonce is %q", token.Nonce)
		}
		known := oidc.ProviderConfig{UserInfoURL: provider["user-info-uri"]}
		info, err := known.NewProvider(ctx).UserInfo(ctx, oauth2.StaticTokenSource(tokens))
		if err != nil {
			return "", err
		}
		var claims map[string]any
		err = info.Claims(&claims)
		return fmt.Sprint(claims[provider["user-name-attribute"]]), err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, config.AuthCodeURL("a-long-state", oidc.Nonce("a-nonce")), http.StatusFound)
	})
	mux.HandleFunc("GET "+strings.TrimPrefix(config.RedirectURL, base), func(w http.ResponseWriter, r *http.Request) {
		who, err := name(r.FormValue("code"))
		if err != nil || r.FormValue("state") != "a-long-state" {
			t.Errorf("%s: %v", r.URL, err)
		}
		fmt.Fprintf(w, "name: %s.", who)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+s.port)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	defer server.Close()
	if asked, err := url.Parse(provider["authorization-uri"]); err != nil || asked.Query().Get("acr_values") != "eidas1" {
		t.Errorf("%s does not ask for eidas1", provider["authorization-uri"])
	}
	p := newVisitor(t, s.root, person).login(s.address("/"))
	wantAll(t, "the page", p.body, "name: "+person+".")
}
