package testssl

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/verify"
)

// tries is how often each client asks. A verdict on the request's context was wrong in 21 of 30
// tries over TLS 1.3.
const tries = 30

// halfClosed sends a request, closes the sending half and reads the answer to its end.
func (s *site) halfClosed(t *testing.T, mode, request string, card *tls.Certificate) []byte {
	t.Helper()
	address := strings.TrimSuffix(strings.TrimPrefix(s.urls[mode], "https://"), "/")
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: s.roots, Time: func() time.Time { return s.now() },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return card, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return exchange(t, conn, conn.CloseWrite, request)
}

func exchange(t *testing.T, conn net.Conn, closeWrite func() error, request string) []byte {
	t.Helper()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	if err := closeWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// verdictOf reads the verdict from the answer of /api/v1/card, with or without what a client writes
// around it.
func verdictOf(answer []byte) (verify.Code, error) {
	begin, end := bytes.IndexByte(answer, '{'), bytes.LastIndexByte(answer, '}')
	if begin < 0 || end < begin {
		return "", fmt.Errorf("no report in %q", answer)
	}
	var r verify.Report
	err := json.Unmarshal(answer[begin:end+1], &r)
	return r.Verdict, err
}

// A client that closes its sending half gets the same verdict as any other, in every version of TLS
// and HTTP.
func TestHalfClosedVerdict(t *testing.T) {
	s := newSite(t)
	good := issue(t, s.lab, time.Time{})["authentication"]
	for _, mode := range []Mode{Default, TLS13, AnyCA, Strict} {
		for _, request := range []string{"GET /api/v1/card HTTP/1.0\r\n\r\n", "GET /api/v1/card HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"} {
			wrong := map[string]int{}
			for range tries {
				if verdict, err := verdictOf(s.halfClosed(t, mode.Name, request, good)); err != nil || verdict != verify.OK {
					wrong[fmt.Sprint(verdict, err)]++
				}
			}
			if len(wrong) > 0 {
				t.Errorf("%s, %.30q: of %d tries %v", mode.Name, request, tries, wrong)
			}
		}
	}
	for path, want := range map[string]string{"/": "Votre carte fonctionne", "/card.pem": "BEGIN CERTIFICATE", "/codes": "REV-CRL-REVOKED"} {
		for range tries {
			answer := s.halfClosed(t, TLS13.Name, "GET "+path+" HTTP/1.0\r\n\r\n", good)
			if !bytes.Contains(answer, []byte(want)) {
				t.Errorf("%s: %.300q", path, answer)
				break
			}
		}
	}
}

// On the plain port too, a client that closes its sending half gets what any other gets.
func TestHalfClosedPlain(t *testing.T) {
	s := newSite(t)
	issue(t, s.lab, time.Time{})
	address := strings.TrimPrefix(s.plain, "http://")
	for _, path := range []string{"/", "/fixtures", "/codes", "/authorities.pem", "/CRL/ACI-FO-PP-TEST.crl", "/CRL/ACI-FO-PP-TEST-delta.crl",
		"/AC%20TEST/ACI-FO-PP-TEST.cer", "/healthz", "/metrics"} {
		for range tries {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			answer := exchange(t, conn, conn.(*net.TCPConn).CloseWrite, "GET "+path+" HTTP/1.0\r\n\r\n")
			conn.Close()
			head, body, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
			if !bytes.HasPrefix(head, []byte("HTTP/1.0 200 ")) || len(body) == 0 {
				t.Errorf("%s: %.200q, %d bytes of body", path, head, len(body))
				break
			}
		}
	}
}

// halfClosers are programs that send a request, close their sending half and print the answer, so
// many times in one run.
var halfClosers = []struct {
	program string
	times   int
	args    func(host, port, card, key string) []string
}{
	{"openssl", 1, func(host, port, card, key string) []string {
		return []string{"s_client", "-quiet", "-connect", host + ":" + port, "-servername", host, "-cert", card, "-key", key}
	}},
	{"gnutls-cli", 1, func(host, port, card, key string) []string {
		return []string{"--insecure", "--logfile", os.DevNull, "--x509certfile", card, "--x509keyfile", key, "-p", port, host}
	}},
	{"ncat", 1, func(host, port, card, key string) []string {
		return []string{"--ssl", "--ssl-cert", card, "--ssl-key", key, host, port}
	}},
	{"python3", tries, func(host, port, card, key string) []string {
		return []string{"-c", pythonHalfClose, host, port, card, key, fmt.Sprint(tries)}
	}},
}

// SSLSocket.shutdown would forget the TLS session: the socket below it is shut down.
const pythonHalfClose = `
import socket, ssl, sys
host, port, card, key, times = sys.argv[1:]
request = sys.stdin.buffer.read()
context = ssl._create_unverified_context()
context.load_cert_chain(card, key)
for _ in range(int(times)):
    with context.wrap_socket(socket.create_connection((host, int(port))), server_hostname=host) as s:
        s.sendall(request)
        socket.socket.shutdown(s, socket.SHUT_WR)
        try:
            while data := s.recv(65536):
                sys.stdout.buffer.write(data)
        except ssl.SSLEOFError:
            pass
`

// Programs that close their sending half get the verdict on a good card, over TLS 1.2 and 1.3.
func TestHalfClosedClients(t *testing.T) {
	s := newSite(t)
	good := issue(t, s.lab, time.Time{})["authentication"]
	card, key := filepath.Join(t.TempDir(), "card.pem"), filepath.Join(t.TempDir(), "key.pem")
	der, err := x509.MarshalPKCS8PrivateKey(good.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{card: {Type: "CERTIFICATE", Bytes: good.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, client := range halfClosers {
		t.Run(client.program, func(t *testing.T) {
			program := peer.Need(t, client.program)
			for _, mode := range []Mode{Default, TLS13} {
				_, port, _ := net.SplitHostPort(strings.TrimSuffix(strings.TrimPrefix(s.urls[mode.Name], "https://"), "/"))
				wrong := map[string]int{}
				for range tries / client.times {
					cmd := exec.CommandContext(t.Context(), program, client.args("localhost", port, card, key)...)
					cmd.Stdin = strings.NewReader("GET /api/v1/card HTTP/1.0\r\n\r\n")
					var out, errs bytes.Buffer
					cmd.Stdout, cmd.Stderr = &out, &errs
					runErr := cmd.Run()
					answers := bytes.SplitAfter(out.Bytes(), []byte("HTTP/1.0 200 OK"))[1:]
					for _, answer := range answers {
						if verdict, err := verdictOf(answer); err != nil || verdict != verify.OK {
							wrong[fmt.Sprint(verdict, err)]++
						}
					}
					if len(answers) != client.times {
						wrong[fmt.Sprintf("%d answers of %d, %v: %s%s", len(answers), client.times, runErr, errs.String(), out.String())]++
					}
				}
				if len(wrong) > 0 {
					t.Errorf("%s: of %d tries %v", mode.Name, tries, wrong)
				}
			}
		})
	}
}
