package batch

import (
	"archive/zip"
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/igc-lab/igc/ca"
)

// output is where the cards of a batch go: a folder for each, or, at the end, one file that holds
// them all.
type output struct {
	path   string // what the user asked for
	folder string // where the cards' folders stand meanwhile, or for good
	write  func(w io.Writer, folders []string) error
}

func newOutput(home, out string) (*output, error) {
	o := &output{path: out, folder: out}
	switch strings.ToLower(filepath.Ext(out)) {
	case ".zip":
		o.write = writeZip
	case ".jsonl", ".ndjson":
		o.write = writeJSONLines
	}
	if out == "" {
		o.path = filepath.Join(home, "cards")
		o.folder = o.path
	}
	if o.write != nil {
		if _, err := os.Stat(out); err == nil {
			return nil, &ca.Error{Kind: ca.Conflict, Err: errorf("%s existe déjà : choisissez un autre nom",
				"%s is there already: choose another name", out)}
		}
		o.folder = out + ".part"
	}
	if err := os.MkdirAll(o.folder, 0o700); err != nil {
		return nil, &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	return o, nil
}

// finish makes the one file of the folders, when one is wanted, and takes the folders away.
func (o *output) finish(folders []string) error {
	if o.write == nil {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(o.path), ".batch-*") // 0600
	if err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	w := bufio.NewWriterSize(f, 1<<20)
	err = o.write(w, folders)
	err = errors.Join(err, w.Flush(), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), o.path)
	}
	if err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: errors.Join(err, os.Remove(f.Name()))}
	}
	return os.RemoveAll(o.folder)
}

// eachFile calls do for every file of a card's folder.
func eachFile(folder string, do func(name string, data []byte) error) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err == nil {
			err = do(e.Name(), data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func writeZip(w io.Writer, folders []string) error {
	z := zip.NewWriter(w)
	for _, folder := range folders {
		err := eachFile(folder, func(name string, data []byte) error {
			f, err := z.Create(filepath.Base(folder) + "/" + name)
			if err == nil {
				_, err = f.Write(data)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return z.Close()
}

// jsonCard is a line of a .jsonl: card.json, and the card's other files, PEM as text and PKCS#12 in
// base64.
type jsonCard struct {
	Card   json.RawMessage   `json:"card"`
	PEM    map[string]string `json:"pem"`
	PKCS12 map[string][]byte `json:"pkcs12"`
}

func writeJSONLines(w io.Writer, folders []string) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, folder := range folders {
		line := jsonCard{PEM: map[string]string{}, PKCS12: map[string][]byte{}}
		err := eachFile(folder, func(name string, data []byte) error {
			switch {
			case name == "card.json":
				line.Card = data
			case strings.HasSuffix(name, ".p12"):
				line.PKCS12[name] = data
			default:
				line.PEM[name] = string(data)
			}
			return nil
		})
		if err == nil {
			err = enc.Encode(line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
