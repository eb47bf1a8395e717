package extraction

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/people"
)

// Path is under what the extractions are served; the name of one follows.
const Path = "/annuaire-sante-webservices/V300/services/extraction/"

// Options are what the extractions are made of. All but Population are required.
type Options struct {
	People  People
	Records Records
	Now     func() time.Time
	Log     *slog.Logger

	// Population has the structures with mailboxes; it gives nil when there is none.
	Population func(context.Context) (people.Population, error)
}

// People are whom the extractions are about: a [people.Directory].
type People interface {
	List(ctx context.Context) iter.Seq2[*people.Person, error]
}

// Records are what the lab issued: a [ca.Service].
type Records interface {
	List(ctx context.Context, f ca.Filter) ([]*ca.Record, error)
}

// Extractions is the handler of the addresses under [Path].
type Extractions struct {
	Options
	slots chan struct{} // one for each extraction under way
}

// maxUnderWay is how many extractions are made at once; more wait.
const maxUnderWay = 8

// New makes the handler.
func New(options Options) *Extractions {
	return &Extractions{options, make(chan struct{}, maxUnderWay)}
}

// extractions are the files of each extraction, by the name that its address ends with.
var extractions = map[string][]file{
	"PS_LibreAcces":                     {activities, diplomas, skills},
	"Extraction_Correspondance_MSSante": {mailboxes},
	"Porteurs_CPS_CPF":                  {cardholders},
}

// patience is how long a client may take to read a part of an extraction.
const patience = 30 * time.Second

// ServeHTTP answers GET with the extraction and HEAD with its headers, for which nothing is made.
func (x *Extractions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, Path)
	files, ok := extractions[name]
	if !ok {
		http.Error(w, "Extraction inconnue. Il y a PS_LibreAcces, Extraction_Correspondance_MSSante et "+
			"Porteurs_CPS_CPF.\nNo such extraction. There are PS_LibreAcces, Extraction_Correspondance_MSSante and "+
			"Porteurs_CPS_CPF.", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "GET ou HEAD seulement. / GET or HEAD only.", http.StatusMethodNotAllowed)
		return
	}
	at := madeAt(x.Now())
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", "attachment; filename="+name+stamp(at)+".zip") // unquoted, as the real one
	h.Set("Last-Modified", at.UTC().Format(http.TimeFormat))
	h.Set("Cache-Control", "no-store") // an opposition of now is in it
	if r.Method == http.MethodHead {
		return
	}
	select {
	case x.slots <- struct{}{}:
		defer func() { <-x.slots }()
	case <-r.Context().Done():
		return
	}
	out := &response{w: w, control: http.NewResponseController(w)}
	// The server's limit for a request to be read would end this one while it is answered.
	_ = out.control.SetReadDeadline(time.Time{})
	err := x.write(r.Context(), out, files, at)
	if err == nil {
		return
	}
	if r.Context().Err() == nil {
		x.Log.Error("extraction", "name", name, "err", err)
	}
	if out.started {
		panic(http.ErrAbortHandler) // else half a file looks like a whole one
	}
	h.Del("Content-Disposition")
	h.Del("Last-Modified")
	if web.ErrorAway(w, err) {
		return
	}
	http.Error(w, "L'extraction n'a pas pu être faite : le journal du serveur en dit plus. / The extraction could "+
		"not be made: the server's log says more.", http.StatusInternalServerError)
}

// response gives the client its time for each part of an answer, not for the whole.
type response struct {
	w       http.ResponseWriter
	control *http.ResponseController
	started bool
}

func (r *response) Write(b []byte) (int, error) {
	r.started = true
	_ = r.control.SetWriteDeadline(time.Now().Add(patience)) // not supported by a recorder of tests
	return r.w.Write(b)
}

// Flush sends what was written.
func (r *response) Flush() { _ = r.control.Flush() }

// work is an extraction under way.
type work struct {
	*Extractions
	flush func() error // sends what there is
	sent  time.Time    // when that was done last
}

// silence is how long a client waits for a part of an extraction at most: what has few rows of many
// people would else send nothing for longer than clients wait.
var silence = 5 * time.Second

// alive sends what there is when the client has waited. Sources call it while they look for rows.
func (w *work) alive() error {
	if now := time.Now(); now.Sub(w.sent) > silence {
		w.sent = now
		return w.flush()
	}
	return nil
}

// write writes the ZIP of an extraction.
func (x *Extractions) write(ctx context.Context, w io.Writer, files []file, at time.Time) error {
	buffer := bufio.NewWriterSize(w, 64<<10)
	archive := zip.NewWriter(buffer)
	flush := func() error {
		if err := archive.Flush(); err != nil {
			return err
		}
		if err := buffer.Flush(); err != nil {
			return err
		}
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		return nil
	}
	under := &work{x, flush, time.Now()}
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestSpeed)
	})
	for _, f := range files {
		entry, err := archive.CreateHeader(&zip.FileHeader{Name: f.name + stamp(at) + ".txt", Method: zip.Deflate,
			Modified: at})
		if err != nil {
			return err
		}
		if err := f.write(ctx, under, entry); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return buffer.Flush()
}

// madeAt is when the extraction that is served now was made, as its name says: the real ones are
// made once a day, at an hour that varies; those of a lab at half past eight in Paris (modelled).
func madeAt(now time.Time) time.Time {
	year, month, day := now.In(paris).Date()
	at := time.Date(year, month, day, 8, 30, 0, 0, paris)
	if at.After(now) {
		at = time.Date(year, month, day-1, 8, 30, 0, 0, paris)
	}
	return at
}

// stamp ends the names of an extraction and of its files.
func stamp(at time.Time) string { return at.Format("_200601021504") }

var paris = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err) // the zones are in the binary
	}
	return zone
}()
