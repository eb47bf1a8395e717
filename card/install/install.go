// Package install makes browsers and other software of a machine know the module of the virtual
// cards and the lab's roots, and undoes it. It notes each change in a journal before it makes it,
// with what it takes to undo it: uninstalling goes by the journal, so it leaves what was there
// before and what others have done since.
package install

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/igc-lab/igc/internal/atomicfile"
	"github.com/igc-lab/igc/internal/i18n"
)

// Setting is what there is to install, and where.
type Setting struct {
	Lab    string              // the lab's home: the module is copied into its folder "module"
	Module string              // [ModuleFile], as it was built
	Roots  []*x509.Certificate // the lab's
	User   string              // the user's home folder
	Root   string              // "/"; another folder in tests
	Config string              // the user's configuration folder, $XDG_CONFIG_HOME

	// For macOS and Windows, where browsers read cards from elsewhere.
	PKCS12 []string // files of the cards to import
	PIN    string   // theirs
}

// Change is one thing that is made, and the note from which it is unmade.
type Change struct {
	Place  string   `json:"place"`            // one of Places
	Kind   string   `json:"kind"`             // file, module, root, database, command
	Target string   `json:"target"`           // file or NSS database
	Item   string   `json:"item,omitempty"`   // nickname in a database, or what a command is about
	Before []byte   `json:"before,omitempty"` // a file's content; nil for one that was not there
	After  []byte   `json:"after,omitempty"`
	Made   []string `json:"made,omitempty"` // folders that were not there, outermost first
	Run    []string `json:"run,omitempty"`  // after doing
	Undo   []string `json:"undo,omitempty"` // undoes a command, or is run after undoing

	do   func() error
	done func() bool
	err  error // why it cannot be made
}

// same tells whether two are about the same thing.
func (c Change) same(d Change) bool {
	return c.Kind == d.Kind && c.Target == d.Target && c.Item == d.Item
}

// Places are where changes are made, in their order; --only chooses among them.
var Places = []string{"lab", "nss", "firefox", "p11-kit", "java", "openssl", "system", "import"}

// ModuleName is what browsers call the module.
const ModuleName = "CPS virtuelle (igc)"

// FR and EN say what the change is, exactly; UndoneFR and UndoneEN what undoing it is.
func (c Change) FR() string       { return c.describe(c.Run, doingFR) }
func (c Change) EN() string       { return c.describe(c.Run, doingEN) }
func (c Change) UndoneFR() string { return c.describe(c.Undo, undoingFR) }
func (c Change) UndoneEN() string { return c.describe(c.Undo, undoingEN) }

// The words, by kind: "file" is one that is not there before, "changed" one that is.
var (
	doingFR = map[string]string{"copy": "copie le module dans", "file": "écrit", "changed": "modifie", "database": "crée la base NSS", "module": "ajoute le module à",
		"root": "ajoute la racine à", "command": "exécute"}
	doingEN = map[string]string{"copy": "copy the module to", "file": "write", "changed": "change", "database": "make the NSS database", "module": "add the module to",
		"root": "add the root to", "command": "run"}
	undoingFR = map[string]string{"copy": "supprime", "file": "supprime", "changed": "rétablit", "database": "supprime, s'il ne tient rien d'autre,", "module": "retire le module de",
		"root": "retire la racine de", "command": "défait"}
	undoingEN = map[string]string{"copy": "delete", "file": "delete", "changed": "restore", "database": "delete, if it holds nothing else,", "module": "take the module out of",
		"root": "take the root out of", "command": "undo"}
)

func (c Change) describe(run []string, verbs map[string]string) string {
	kind := c.Kind
	if kind == "file" && c.Before != nil {
		kind = "changed"
	}
	text := c.Place + ": " + verbs[kind] + " " + c.Target
	if kind == "module" || kind == "root" {
		text += " (" + c.Item + ")"
	}
	if len(run) > 0 {
		text += " ; " + strings.Join(run, " ")
	}
	return text
}

func (s Setting) folder() string  { return filepath.Join(s.Lab, "module") }
func (s Setting) library() string { return filepath.Join(s.folder(), ModuleFile) }
func (s Setting) journal() string { return filepath.Join(s.folder(), "installed.json") }

func rootName(c *x509.Certificate) string { return "LAB " + c.Subject.CommonName }

func encode(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// ChangeStatus is a change that this machine wants, and how it stands.
type ChangeStatus struct {
	Change
	Done  bool  // it is made already
	Noted bool  // it is in the journal: it was made once, and is wanted still
	Err   error // it cannot be made; what it would change is left as it is
}

// ChangeStatuses lists the changes that this machine wants in those places, nil for all of them,
// made or not; those of the lab itself go with each. Nothing is changed by it.
func (s Setting) ChangeStatuses(only []string) ([]ChangeStatus, error) {
	var all []Change
	var err error
	switch runtime.GOOS {
	case "linux":
		all, err = s.linux()
	case "darwin":
		all = s.darwin()
	case "windows":
		all = s.windows()
	default:
		return nil, i18n.Errorf("igc does not know the certificate stores of %s: import the PKCS#12 files by hand",
			runtime.GOOS)
	}
	if err != nil {
		return nil, err
	}
	notes, err := s.notes()
	if err != nil {
		return nil, err
	}
	var standings []ChangeStatus
	for _, c := range all {
		if len(only) > 0 && !slices.Contains(only, c.Place) && c.Place != "lab" {
			continue
		}
		st := ChangeStatus{Change: c, Err: c.err, Noted: slices.ContainsFunc(notes, c.same)}
		switch {
		case c.err != nil:
		case c.Kind == "command": // cannot be seen: the journal knows
			st.Done = slices.ContainsFunc(notes, func(n Change) bool { return n.Kind == c.Kind && n.Item == c.Item })
		default:
			st.Done = c.done()
		}
		standings = append(standings, st)
	}
	return standings, nil
}

// Plan lists the changes that this machine wants, those already made left out. Nothing is changed
// by it.
func (s Setting) Plan(only []string) (plan []Change, err error) {
	standings, err := s.ChangeStatuses(only)
	if err != nil {
		return nil, err
	}
	for _, st := range standings {
		if st.Err != nil {
			return nil, st.Err
		}
		if !st.Done {
			plan = append(plan, st.Change)
		}
	}
	return plan, nil
}

// linux: NSS for Chromium and Chrome, a policy for Firefox, a module file for p11-kit; for Java and
// OpenSSL, which have no folder to drop a module in, files that a variable points to.
func (s Setting) linux() ([]Change, error) {
	library, err := os.ReadFile(s.Module)
	if err != nil {
		return nil, i18n.Errorf("cannot read the module (make module builds it): %w", err)
	}
	copied := s.file("lab", s.library(), library)
	copied.Kind, copied.Before = "copy", nil // one of a journal that was lost is not kept
	all := []Change{copied}
	var rootFiles []string
	for _, root := range s.Roots {
		path := filepath.Join(s.folder(), strings.ReplaceAll(rootName(root), " ", "-")+".crt")
		rootFiles = append(rootFiles, path)
		all = append(all, s.file("lab", path, encode(root)))
	}
	for _, db := range s.databases() {
		all = append(all, s.database(db), s.nssModule(db))
		for _, root := range s.Roots {
			all = append(all, s.nssRoot(db, root))
		}
	}
	all = append(all, s.firefox(rootFiles))
	modules := filepath.Join(s.Config, "pkcs11", "modules")
	if os.Geteuid() == 0 { // of root p11-kit reads no file of its own
		modules = filepath.Join(s.Root, "etc", "pkcs11", "modules")
	}
	all = append(all, s.file("p11-kit", filepath.Join(modules, "igc-cps.module"), []byte("module: "+s.library()+"\n")))

	engine := "[engines]\npkcs11 = pkcs11\n[pkcs11]\nengine_id = pkcs11\nMODULE_PATH = " + s.library() + "\ninit = 0\n"
	java := filepath.Join(s.folder(), "java.cfg")
	all = append(all,
		// the authentication key of a card signs what was hashed only: Java, left without these
		// mechanisms, hashes itself
		s.file("java", java, []byte("name = CPS\nlibrary = "+s.library()+"\nslotListIndex = 0\n"+
			"disabledMechanisms = { CKM_SHA1_RSA_PKCS CKM_SHA256_RSA_PKCS }\n")),
		// the providers of the JDK are twelve since Java 9
		s.file("java", filepath.Join(s.folder(), "java.security"),
			[]byte("# java -Djava.security.properties=this file\nsecurity.provider.13=SunPKCS11 "+java+"\n")),
		s.file("openssl", filepath.Join(s.folder(), "openssl.cnf"), []byte("# OPENSSL_CONF=this file; the engine is of the package libengine-pkcs11-openssl\n"+
			"openssl_conf = igc\n[igc]\nengines = engines\n"+engine)),
		// OpenSSL prefers PSS, over TLS 1.2 too, and does not ask the card whether it makes it
		s.file("openssl", filepath.Join(s.folder(), "openssl-cps3.cnf"), []byte("# OPENSSL_CONF=this file, for a CPS3, which signs PKCS#1 v1.5 only\n"+
			"openssl_conf = igc\n[igc]\nengines = engines\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n"+
			"[tls]\nSignatureAlgorithms = RSA+SHA256:RSA+SHA384:RSA+SHA512:ECDSA+SHA256\n"+engine)))
	for _, root := range s.Roots {
		name := fmt.Sprintf("igc-lab-%x.crt", sha1.Sum(root.Raw))
		c := s.file("system", filepath.Join(s.Root, "usr", "local", "share", "ca-certificates", name), encode(root))
		c.Run, c.Undo = []string{"update-ca-certificates"}, []string{"update-ca-certificates", "--fresh"} // without, its links stay
		all = append(all, c)
	}
	return all, nil
}

// darwin and windows: there Chrome, Edge and Safari take certificates from the system's own store,
// through CryptoTokenKit and minidrivers, and load no PKCS#11 module; Firefox alone would, and no
// such module is built here. So the cards go in as PKCS#12, without the PIN prompt that a card has.
func (s Setting) darwin() []Change {
	keychain := filepath.Join(s.User, "Library", "Keychains", "login.keychain-db")
	var all []Change
	for _, p12 := range s.PKCS12 {
		all = append(all, s.command(p12, []string{"security", "import", p12, "-k", keychain, "-P", s.PIN},
			[]string{"security", "delete-identity", "-Z", fingerprint(p12), keychain}))
	}
	for _, root := range s.Roots {
		file := filepath.Join(s.folder(), strings.ReplaceAll(rootName(root), " ", "-")+".crt")
		all = append(all, s.file("lab", file, encode(root)),
			s.command(file, []string{"security", "add-trusted-cert", "-r", "trustRoot", "-k", keychain, file}, []string{"security", "remove-trusted-cert", file}))
	}
	return all
}

func (s Setting) windows() []Change {
	var all []Change
	for _, p12 := range s.PKCS12 {
		all = append(all, s.command(p12, []string{"certutil", "-user", "-p", s.PIN, "-importpfx", p12, "NoRoot"},
			[]string{"certutil", "-user", "-delstore", "My", fingerprint(p12)}))
	}
	for _, root := range s.Roots {
		file := filepath.Join(s.folder(), strings.ReplaceAll(rootName(root), " ", "-")+".crt")
		all = append(all, s.file("lab", file, encode(root)), s.command(file, []string{"certutil", "-user", "-addstore", "Root", file},
			[]string{"certutil", "-user", "-delstore", "Root", fmt.Sprintf("%x", sha1.Sum(root.Raw))}))
	}
	return all
}

// fingerprint is that of the certificate beside a PKCS#12, by which stores know it.
func fingerprint(p12 string) string {
	data, _ := os.ReadFile(strings.TrimSuffix(p12, ".p12") + ".pem")
	block, _ := pem.Decode(data)
	if block == nil {
		return ""
	}
	return fmt.Sprintf("%x", sha1.Sum(block.Bytes))
}

func (s Setting) command(item string, do, undo []string) Change {
	shown := slices.Clone(do)
	for i := range shown {
		if shown[i] == s.PIN {
			shown[i] = "****"
		}
	}
	return Change{Place: "import", Kind: "command", Item: item, Target: strings.Join(shown, " "), Undo: undo, do: func() error { return run(do...) }}
}

// file is a file to be written.
func (s Setting) file(place, path string, content []byte) Change {
	before, err := os.ReadFile(path)
	if err != nil {
		before = nil
	} else if before == nil {
		before = []byte{}
	}
	return Change{Place: place, Kind: "file", Target: path, Before: before, After: content,
		done: func() bool { return before != nil && string(before) == string(content) },
		do: func() error {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			return atomicfile.Write(path, content, mode(path))
		}}
}

// mode is that of the file which is replaced; what is new is for everyone to read.
func mode(path string) fs.FileMode {
	if info, err := os.Stat(path); err == nil {
		return info.Mode().Perm()
	}
	return 0o644
}

// firefox is its policy, with ours added to what it says already.
func (s Setting) firefox(roots []string) Change {
	path := filepath.Join(s.Root, "etc", "firefox", "policies", "policies.json")
	policy, err := readPolicy(path)
	if err != nil {
		return Change{Place: "firefox", Kind: "file", Target: path, err: err}
	}
	devices := under(under(under(policy, "policies"), "SecurityDevices"), "Add")
	devices[ModuleName] = s.library()
	certificates := under(under(policy, "policies"), "Certificates")
	list, _ := certificates["Install"].([]any)
	for _, root := range roots {
		if !slices.Contains(list, any(root)) {
			list = append(list, root)
		}
	}
	certificates["Install"] = list
	content, err := json.MarshalIndent(policy, "", "  ")
	if err != nil {
		return Change{Place: "firefox", Kind: "file", Target: path, err: err}
	}
	c := s.file("firefox", path, append(content, '\n'))
	if same, readErr := readPolicy(path); readErr == nil && c.Before != nil {
		now, _ := json.MarshalIndent(same, "", "  ")
		c.done = func() bool { return string(now) == string(content) }
	}
	return c
}

func readPolicy(path string) (map[string]any, error) {
	policy := map[string]any{}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return policy, nil
	} else if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &policy); err != nil {
		return nil, i18n.Errorf("%s is not JSON: %w", path, err)
	}
	return policy, nil
}

// under is the object of that name in another, made when there is none.
func under(in map[string]any, name string) map[string]any {
	if m, ok := in[name].(map[string]any); ok {
		return m
	}
	m := map[string]any{}
	in[name] = m
	return m
}

// withoutOurs takes our entries out of a policy that others have changed since, and what they leave
// empty.
func (s Setting) withoutOurs(policy map[string]any) {
	top := under(policy, "policies")
	devices, certificates := under(top, "SecurityDevices"), under(top, "Certificates")
	delete(under(devices, "Add"), ModuleName)
	list, _ := certificates["Install"].([]any)
	certificates["Install"] = slices.DeleteFunc(list, func(v any) bool {
		path, ok := v.(string)
		return ok && strings.HasPrefix(path, s.folder()+string(filepath.Separator))
	})
	if len(certificates["Install"].([]any)) == 0 {
		delete(certificates, "Install")
	}
	for _, level := range []struct {
		in   map[string]any
		name string
	}{{devices, "Add"}, {top, "SecurityDevices"}, {top, "Certificates"}, {policy, "policies"}} {
		if m, ok := level.in[level.name].(map[string]any); ok && len(m) == 0 {
			delete(level.in, level.name)
		}
	}
}

func run(command ...string) error {
	cmd := exec.Command(command[0], command[1:]...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return i18n.Errorf("%s: %w: %s", command[0], err, strings.TrimSpace(string(out)))
	}
	return nil
}
