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
			Usage: tr("fichier PEM de sa racine (igc show --pem ACR-EL ; sinon celles du système)",
				"PEM file of its root (igc show --pem ACR-EL; else those of the system)")},
	}
}

// orderClient is a client of the ordering platform: of another lab's, by its address; of this one's
// server, over its socket; or of this lab itself, when no server runs.
func (p *program) orderClient(c *cli.Context) (*api.Client, error) {
	if server := c.String("server"); server != "" {
		return remoteOrders(c, server)
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
	desk := serve.NewOrders(client, func(string) ca.Service { return client }, client.Lab, around, nil, p.clock(),
		false, nil)
	return api.InProcess(api.New(api.Options{Desk: desk,
		Caller: func(*http.Request) (*access.Caller, error) { return owner, nil }})), nil
}

// remoteOrders is a client of another lab.
func remoteOrders(c *cli.Context, server string) (*api.Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, invalid("--server %q n'est pas une adresse https://nom:port", "--server %q is not an address "+
			"https://name:port", server)
	}
	token := os.Getenv("IGC_TOKEN")
	if file := c.String("token-file"); file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, ca.Invalidate(err)
		}
		token = string(data)
	}
	if token = strings.TrimSpace(token); token == "" {
		return nil,
			invalid("--server : donnez un jeton de ce labo par --token-file ou IGC_TOKEN (igc token add l'y fait)",
				"--server: give a token of that lab by --token-file or IGC_TOKEN (igc token add makes one there)")
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if file := c.String("ca"); file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, ca.Invalidate(err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(data) {
			return nil, invalid("--ca : %s n'a pas de certificat PEM", "--ca: %s has no PEM certificate", file)
		}
	}
	return &api.Client{HTTP: &http.Client{Timeout: 5 * time.Minute, Transport: &http.Transport{TLSClientConfig: config,
		Proxy: http.ProxyFromEnvironment}}, URL: server, Token: token}, nil
}
