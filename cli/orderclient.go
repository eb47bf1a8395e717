package cli

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/serve"
	"github.com/igc-lab/igc/services/orders/api"
)

// serverFlags say which lab a command about orders reaches: the one of the home, or another.
func serverFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "server", EnvVars: []string{"IGC_SERVER"}, Usage: tr(
			"adresse du guichet d'un autre labo, telle que https://lab.example.test:8455",
			"address of another lab's desk, such as https://lab.example.test:8455")},
		&cli.StringFlag{Name: "token-file", Usage: tr("fichier de son jeton (sinon la variable IGC_TOKEN)",
			"file of its token (else the variable IGC_TOKEN)")},
		&cli.StringFlag{Name: "ca",
			Usage: tr("fichier PEM de sa racine (igc show --pem ACR-EL ; sinon celles du labo d'ici et du système)",
				"PEM file of its root (igc show --pem ACR-EL; else those of the lab here and of the system)")},
		&cli.StringFlag{Name: "cert", TakesFile: true,
			Usage: tr("au lieu d'un jeton : PKCS#12 d'un AUTH_CLI ou de l'authentification d'une carte",
				"in the place of a token: PKCS#12 of an AUTH_CLI or of a card's authentication")},
		&cli.StringFlag{Name: "cert-password",
			Usage: tr("mot de passe de ce fichier (sinon demandé)", "password of that file (else asked for)")},
	}
}

// orderClient is a client of the ordering platform: of another lab's, by its address; of this one's
// server, over its socket; or of this lab itself, when no server runs.
func (p *program) orderClient(c *cli.Context) (*api.Client, error) {
	if server := c.String("server"); server != "" {
		return p.remoteOrders(c, server)
	}
	around, client, err := p.services(c)
	if err != nil {
		return nil, err
	}
	if _, running, _ := client.Server(c.Context); running {
		desk, address := client.Desk()
		return &api.Client{HTTP: desk, URL: address}, nil
	}
	owner := access.Owner("cli:" + userName())
	desk := serve.NewOrders(client, func(string) ca.Service { return client }, client.Lab, around, nil, client.Lab.Now,
		false, nil)
	return api.InProcess(api.New(api.Options{Desk: desk,
		Caller: func(*http.Request) (*access.Caller, error) { return owner, nil }})), nil
}

// remoteOrders is a client of another lab.
func (p *program) remoteOrders(c *cli.Context, server string) (*api.Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, invalid("--server %q n'est pas une adresse https://nom:port", "--server %q is not an address "+
			"https://name:port", server)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	token, err := p.credentials(c, config)
	if err != nil {
		return nil, err
	}
	if config.RootCAs, err = p.remoteRoots(c); err != nil {
		return nil, err
	}
	return &api.Client{HTTP: &http.Client{Timeout: 5 * time.Minute, Transport: &http.Transport{TLSClientConfig: config,
		Proxy: http.ProxyFromEnvironment}}, URL: server, Token: token}, nil
}

// credentials are what proves to another lab who calls: a certificate, or a token.
func (p *program) credentials(c *cli.Context, config *tls.Config) (token string, err error) {
	name, tokenFile := c.String("cert"), c.String("token-file")
	switch {
	case name != "" && tokenFile != "":
		return "", invalid("donnez --cert ou --token-file, pas les deux", "give --cert or --token-file, not both")
	case name != "":
		certificate, err := p.clientCertificate(c, name)
		config.Certificates = []tls.Certificate{certificate}
		return "", err
	case tokenFile != "":
		data, err := os.ReadFile(tokenFile)
		if err != nil {
			return "", ca.Invalidate(err)
		}
		token = string(data)
	default:
		token = os.Getenv("IGC_TOKEN")
	}
	if token = strings.TrimSpace(token); token == "" {
		return "", invalid("--server : donnez un jeton de ce labo par --token-file ou IGC_TOKEN (igc token add l'y "+
			"fait), ou un certificat par --cert",
			"--server: give a token of that lab by --token-file or IGC_TOKEN (igc token add makes one there), or a "+
				"certificate by --cert")
	}
	return token, nil
}

// clientCertificate reads the key and the certificate of a PKCS#12 file.
func (p *program) clientCertificate(c *cli.Context, name string) (tls.Certificate, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return tls.Certificate{}, ca.Invalidate(err)
	}
	password, err := p.secrets(c, map[string]string{"cert-password": tr("Mot de passe de ", "Password of ") + name},
		"cert-password")
	if err != nil {
		return tls.Certificate{}, err
	}
	key, leaf, chain, err := pkcs12.DecodeChain(data, password[0])
	if err != nil {
		return tls.Certificate{}, invalid("--cert : %s ne s'ouvre pas comme PKCS#12 sous ce mot de passe (%v)",
			"--cert: %s does not open as a PKCS#12 under this password (%v)", name, err)
	}
	certificate := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	for _, one := range chain {
		certificate.Certificate = append(certificate.Certificate, one.Raw)
	}
	return certificate, nil
}

// remoteRoots are the authorities that another lab's certificate may be of: those of the file that
// was given, else those of the system, and of the lab here when there is one.
func (p *program) remoteRoots(c *cli.Context) (*x509.CertPool, error) {
	file := c.String("ca")
	if file == "" {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		client, err := p.connect(c)
		if err != nil {
			return roots, nil // no lab here
		}
		list, err := client.Authorities(c.Context)
		if err != nil {
			return roots, nil
		}
		for _, one := range list {
			if cert, err := x509.ParseCertificate(one.DER); err == nil {
				roots.AddCert(cert)
			}
		}
		return roots, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, ca.Invalidate(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return nil, invalid("--ca : %s n'a pas de certificat PEM", "--ca: %s has no PEM certificate", file)
	}
	return roots, nil
}
