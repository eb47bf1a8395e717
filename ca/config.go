package ca

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"text/template"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/igc-lab/igc/profiles"
)

// Config is what igc.yaml holds.
type Config struct {
	Key        KeyPolicy           `yaml:"key"`
	Generation profiles.Generation `yaml:"generation"`
	URLs       profiles.URLs       `yaml:"urls"`
	Listen     Listen              `yaml:"listen"`
	CRL        ListConfig          `yaml:"crl"`
	WarnBefore time.Duration       `yaml:"warn_before"` // an authority's end
}

// Listen holds the addresses that a server listens on, host:port.
type Listen struct {
	Publication string `yaml:"publication"`
	TestSSL     string `yaml:"testssl"`
	TLS13       string `yaml:"tls13"`
	Strict      string `yaml:"strict"`
	AnyCA       string `yaml:"any_ca"`
	Directory   string `yaml:"directory"`
}

//go:embed igc.yaml.tmpl
var configTemplate string

// DefaultConfig is the configuration of a new lab: faithful keys, everything on loopback.
func DefaultConfig() Config {
	c := Config{Key: Faithful, Generation: profiles.Gen2016, CRL: defaultLists(), WarnBefore: 30 * 24 * time.Hour}
	c.Listen = Listen{"127.0.0.1:8080", "127.0.0.1:8443", "127.0.0.1:8444", "127.0.0.1:8445", "127.0.0.1:8446", "127.0.0.1:1389"}
	c.URLs = profiles.URLs{Publication: "http://localhost:8080", OCSP: "http://localhost:8080/ocsp", Directory: "ldap://localhost:1389"}
	return c
}

func (c Config) encode() ([]byte, error) {
	t, err := template.New("igc.yaml").Parse(configTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, c)
	return b.Bytes(), err
}

// readConfig reads igc.yaml. What it leaves out has its default; what it has too much, or wrong, is an error.
func readConfig(path string) (Config, error) {
	c := DefaultConfig()
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	if err != nil {
		return c, fail(NotFound, "cannot read the lab's configuration: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&c); err != nil {
		return c, fail(Invalid, "%s: %w", path, err)
	}
	if err := c.check(); err != nil {
		return c, fail(Invalid, "%s: %w", path, err)
	}
	return c, nil
}

func (c Config) check() error {
	if _, err := ParseKeyPolicy(string(c.Key)); err != nil {
		return err
	}
	if c.Generation != profiles.Gen2016 && c.Generation != profiles.Gen2023 {
		return fmt.Errorf("generation %q is neither gen2016 nor gen2023", c.Generation)
	}
	for name, address := range map[string]struct{ value, scheme string }{
		"publication": {c.URLs.Publication, "http"}, "ocsp": {c.URLs.OCSP, "http"}, "directory": {c.URLs.Directory, "ldap"},
	} {
		u, err := url.Parse(address.value)
		if err != nil || u.Scheme != address.scheme || u.Host == "" || u.RawQuery != "" || address.value[len(address.value)-1] == '/' {
			return fmt.Errorf("urls: %s %q is not %s://host[:port] without a slash at its end", name, address.value, address.scheme)
		}
	}
	l := c.Listen
	for _, address := range []string{l.Publication, l.TestSSL, l.TLS13, l.Strict, l.AnyCA, l.Directory} {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return fmt.Errorf("listen: %q is not host:port", address)
		}
	}
	if c.WarnBefore < 0 {
		return fmt.Errorf("warn_before %s is negative", c.WarnBefore)
	}
	return c.CRL.check()
}

// DefaultHome is $IGC_HOME, else the folder igc among the user's data.
func DefaultHome() (string, error) {
	if dir := os.Getenv("IGC_HOME"); dir != "" {
		return dir, nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" && runtime.GOOS == "linux" {
		return filepath.Join(dir, "igc"), nil
	}
	if dir := os.Getenv("LocalAppData"); dir != "" && runtime.GOOS == "windows" {
		return filepath.Join(dir, "igc"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fail(NotFound, "no place for a lab: %w; set IGC_HOME to a folder, or give --home", err)
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "igc"), nil
	}
	return filepath.Join(home, ".local", "share", "igc"), nil
}
