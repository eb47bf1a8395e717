package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// walker is a visitor without scripts: they follow links and send forms, and count their clicks.
type walker struct {
	*testing.T
	handler http.Handler
	cookies map[string]*http.Cookie
	at      *url.URL
	status  int
	header  http.Header
	body    string
	page    *html.Node
	clicks  int
}

func (w *world) walker() *walker {
	return &walker{T: w.T, handler: w.handler, cookies: map[string]*http.Cookie{}}
}

// request sends a request and follows redirects.
func (w *walker) request(method, target string, form url.Values) {
	w.Helper()
	for range 5 {
		var body *strings.Reader = strings.NewReader(form.Encode())
		r := httptest.NewRequest(method, target, body)
		r.Header.Set("Accept-Language", "fr")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if method == "POST" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for _, c := range w.cookies {
			r.AddCookie(c)
		}
		a := httptest.NewRecorder()
		w.handler.ServeHTTP(a, r)
		for _, c := range a.Result().Cookies() {
			w.cookies[c.Name] = c
		}
		w.at, w.status, w.header, w.body = r.URL, a.Code, a.Header(), a.Body.String()
		if a.Code != http.StatusSeeOther && a.Code != http.StatusFound {
			break
		}
		method, target, form = "GET", a.Header().Get("Location"), nil
	}
	if strings.HasPrefix(w.header.Get("Content-Type"), "text/html") {
		var err error
		if w.page, err = html.Parse(strings.NewReader(w.body)); err != nil {
			w.Fatal(err)
		}
		if strings.Contains(w.body, "ZgotmplZ") || strings.Contains(w.body, "<no value>") {
			w.Errorf("%s has what a template could not write", w.at)
		}
	}
}

// open opens an address.
func (w *walker) open(target string) *walker {
	w.Helper()
	w.request("GET", target, nil)
	if w.status != http.StatusOK {
		w.Fatalf("%s: %d %.600s", target, w.status, readable(w.body))
	}
	return w
}

// nodes are the elements of a name in the page.
func nodes(in *html.Node, name string) (list []*html.Node) {
	for n := range in.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			list = append(list, n)
		}
	}
	return list
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for one := range n.Descendants() {
		switch {
		case one.Type == html.TextNode:
			b.WriteString(one.Data)
		case one.Type == html.ElementNode && slices.Contains([]string{"th", "td", "li", "dt", "dd", "p", "div", "br",
			"option"}, one.Data):
			b.WriteString(" ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// click follows the first link, or presses the first button, of the main part whose text matches.
// values are typed into the form before.
func (w *walker) click(pattern string, values ...string) *walker {
	w.Helper()
	w.clicks++
	is := regexp.MustCompile(pattern)
	main := nodes(w.page, "main")[0]
	for n := range main.Descendants() {
		if n.Type != html.ElementNode || !is.MatchString(textOf(n)) {
			continue
		}
		switch n.Data {
		case "a":
			w.request("GET", w.resolve(attr(n, "href")), nil)
			return w
		case "button":
			w.submit(n, values)
			return w
		}
	}
	w.Fatalf("%s has no link and no button %s: %s", w.at, pattern, readable(w.body))
	return w
}

func (w *walker) resolve(href string) string {
	to, err := w.at.Parse(href)
	if err != nil {
		w.Fatal(err)
	}
	to.Fragment = "" // the server is not told
	return to.String()
}

// submit sends the form of a button.
func (w *walker) submit(button *html.Node, values []string) {
	form := button.Parent
	for form != nil && form.Data != "form" {
		form = form.Parent
	}
	if form == nil {
		w.Fatalf("%s: the button %s has no form", w.at, textOf(button))
	}
	sent := url.Values{}
	for n := range form.Descendants() {
		name := ""
		if n.Type == html.ElementNode {
			name = attr(n, "name")
		}
		switch {
		case name == "":
		case n.Data == "input" && attr(n, "type") != "checkbox":
			sent.Set(name, attr(n, "value"))
		case n.Data == "select":
			options := nodes(n, "option")
			chosen := options[max(0, slices.IndexFunc(options, func(o *html.Node) bool {
				return slices.ContainsFunc(o.Attr, func(a html.Attribute) bool { return a.Key == "selected" })
			}))]
			value := textOf(chosen)
			if slices.ContainsFunc(chosen.Attr, func(a html.Attribute) bool { return a.Key == "value" }) {
				value = attr(chosen, "value")
			}
			sent.Set(name, value)
		}
	}
	if name := attr(button, "name"); name != "" {
		sent.Set(name, attr(button, "value"))
	}
	for i := 0; i+1 < len(values); i += 2 {
		sent.Set(values[i], values[i+1])
	}
	to := w.at.String()
	if action := attr(form, "action"); action != "" {
		to = w.resolve(action)
	}
	if strings.EqualFold(attr(form, "method"), "post") {
		w.request("POST", to, sent)
		return
	}
	base, _, _ := strings.Cut(to, "?")
	w.request("GET", base+"?"+sent.Encode(), nil)
}

// sees wants texts in the main part of the page.
func (w *walker) sees(wants ...string) *walker {
	w.Helper()
	text := textOf(nodes(w.page, "main")[0])
	for _, want := range wants {
		if !strings.Contains(text, want) {
			w.Errorf("%s lacks %q: %s", w.at, want, text)
		}
	}
	return w
}

// within wants at most so many clicks since the count began.
func (w *walker) within(most int, task string) {
	w.Helper()
	if w.clicks > most {
		w.Errorf("%s took %d clicks, of %d at most", task, w.clicks, most)
	}
	w.clicks = 0
}

// is wants a downloaded file of a kind.
func (w *walker) is(kind string) *walker {
	w.Helper()
	if got := w.header.Get("Content-Type"); w.status != http.StatusOK || got != kind || w.body == "" {
		w.Errorf("%s: %d %s, want a file %s: %.200s", w.at, w.status, got, kind, w.body)
	}
	return w
}
