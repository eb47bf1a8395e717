package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/nearest"
)

// Bearer is a token: it lets a program in by a secret, which is not kept. Hash is compared with
// what a request has.
type Bearer struct {
	Name   string    `json:"name"`
	Hash   string    `json:"-"` // SHA-256 of the whole token, hexadecimal
	Scopes []Scope   `json:"scopes"`
	Grants []Grant   `json:"grants"` // what the program is, by the names of [Grant]
	End    time.Time `json:"end"`
	By     string    `json:"by"` // actor
	At     time.Time `json:"at"`
	Used   string    `json:"used,omitempty"` // the last day, YYYY-MM-DD; empty when it never was
}

// Ended tells whether the token is past its end.
func (t *Bearer) Ended(now time.Time) bool { return !now.Before(t.End) }

// The ends of tokens, from the day that they are made.
const (
	DefaultTokenDays = 90
	MaxTokenDays     = 366
)

const (
	tokenPrefix = "igc_"
	secretSize  = 32
)

// tokenName has neither the form of an identifier nor that of an actor, so that a token is never
// taken for a person: see [Caller.ID].
var tokenName = regexp.MustCompile(`^[a-z][a-z0-9.-]{0,39}$`)

var secretEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// storedToken is a token as its document has it.
type storedToken struct {
	Bearer
	Hash string `json:"hash"`
}

// AddToken makes a token on behalf of a caller, and returns it: it cannot be shown again. Of want,
// Name, Scopes, Grants and End are read; a zero End is in [DefaultTokenDays] days. It has the form
// igc_NAME_SECRET, so that one that has leaked is recognised, and says which it is.
func (r *Registry) AddToken(ctx context.Context, by *Caller, want Bearer) (made Bearer, token string, err error) {
	if err := by.May(ManageTokens, Target{}); err != nil {
		return want, "", err
	}
	now := r.now()
	want.Scopes, want.Grants = slices.Clone(want.Scopes), slices.Clone(want.Grants)
	if want.End.IsZero() {
		want.End = now.AddDate(0, 0, DefaultTokenDays)
	}
	want.End = want.End.UTC().Truncate(time.Second)
	if err := want.check(now); err != nil {
		return want, "", err
	}
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails
	token = tokenPrefix + want.Name + "_" + secretEncoding.EncodeToString(secret)
	want.By, want.At, want.Hash, want.Used = by.Actor, now, tokenHash(token), ""
	for i := range want.Grants {
		g := &want.Grants[i]
		g.Holder, g.Name, g.By, g.At = want.Name, "", by.Actor, now
	}
	value, err := json.Marshal(storedToken{want, want.Hash})
	if err != nil {
		return want, "", err
	}
	var none uint64
	_, err = r.Service.WriteDocuments(ctx, by.Actor,
		store.DocumentWrite{Kind: tokenKind, Key: want.Name, Value: value, IfVersion: &none},
		store.DocumentWrite{Kind: usedKind, Key: want.Name, Delete: true})
	if errors.Is(err, store.ErrSwap) {
		return want, "", store.Errorf(store.Conflict, "there is a token named %s already: igc token remove %s first",
			want.Name, want.Name)
	}
	if err != nil {
		return want, "", err
	}
	return want, token, nil
}

// check holds what is asked for to its form, and writes scopes and grants in the order of tables.
func (t *Bearer) check(now time.Time) error {
	if !tokenName.MatchString(t.Name) {
		return store.Errorf(store.Invalid, "%q is not a name for a token: a small letter, then small letters, "+
			"digits, dots "+
			"and hyphens, at most 40", shorten(t.Name))
	}
	if len(t.Scopes) == 0 {
		return store.Errorf(store.Invalid, "what is the token %s for? Give it scopes among %s", t.Name, scopeList())
	}
	for _, scope := range t.Scopes {
		if _, err := ParseScope(string(scope)); err != nil {
			return err
		}
	}
	slices.SortFunc(t.Scopes, func(a, b Scope) int { return slices.Index(Scopes(), a) - slices.Index(Scopes(), b) })
	t.Scopes = slices.Compact(t.Scopes)
	if len(t.Grants) == 0 {
		return store.Errorf(store.Invalid, "as whom does the token %s act? Give it a role, such as %s:10B0057881 or %s",
			t.Name, Technical, Administrator)
	}
	for i := range t.Grants {
		g := &t.Grants[i]
		role, err := ParseRole(string(g.Role))
		if err != nil {
			return err
		}
		switch g.Role = role; {
		case role == Administrator && g.Structure != "":
			return store.Errorf(store.Invalid, "%s is of the whole lab: leave the structure %s out", role, g.Structure)
		case role != Administrator && g.Structure == "":
			return store.Errorf(store.Invalid, "in which structure does the token %s act as %s? Write %s:10B0057881",
				t.Name,
				role, role)
		case role != Administrator:
			if g.Structure, err = ParseStructure(g.Structure); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(t.Grants, func(a, b Grant) int {
		if d := slices.Index(Roles(), a.Role) - slices.Index(Roles(), b.Role); d != 0 {
			return d
		}
		return strings.Compare(a.Structure, b.Structure)
	})
	t.Grants = slices.CompactFunc(t.Grants, func(a, b Grant) bool {
		return a.Role == b.Role &&
			a.Structure == b.Structure
	})
	switch {
	case t.Ended(now):
		return store.Errorf(store.Invalid, "the token %s would end on %s, which is over", t.Name,
			t.End.Format(time.DateOnly))
	case t.End.After(now.AddDate(0, 0, MaxTokenDays)):
		return store.Errorf(store.Invalid, "the token %s would end on %s: a token lasts %d days at most", t.Name,
			t.End.Format(time.DateOnly), MaxTokenDays)
	}
	return nil
}

// ParseScope reads the name of a scope.
func ParseScope(text string) (Scope, error) {
	word := Scope(strings.ToLower(strings.TrimSpace(text)))
	if slices.Contains(Scopes(), word) {
		return word, nil
	}
	var known []string
	for _, scope := range Scopes() {
		known = append(known, string(scope))
	}
	if near := nearest.Of(string(word), known); near != "" {
		return "", store.Errorf(store.Invalid, "unknown scope %q: did you mean %s?", shorten(text), near)
	}
	return "", store.Errorf(store.Invalid, "unknown scope %q: choose among %s", shorten(text), scopeList())
}

func scopeList() string {
	var names []string
	for _, scope := range Scopes() {
		names = append(names, string(scope))
	}
	return strings.Join(names, ", ")
}

// Tokens lists the tokens by name, those that have ended too.
func (r *Registry) Tokens(ctx context.Context) ([]Bearer, error) {
	docs, err := r.Service.ScanDocuments(ctx, tokenKind, "")
	if err != nil {
		return nil, err
	}
	used, err := r.Service.ScanDocuments(ctx, usedKind, "")
	if err != nil {
		return nil, err
	}
	days := map[string]string{}
	for _, doc := range used {
		days[doc.Key] = string(doc.Value)
	}
	list := []Bearer{}
	for _, doc := range docs {
		t, err := readToken(doc)
		if err != nil {
			return nil, err
		}
		t.Used = days[t.Name]
		list = append(list, *t)
	}
	return list, nil
}

// RemoveToken removes a token on behalf of a caller: requests with it are refused from now on.
func (r *Registry) RemoveToken(ctx context.Context, by *Caller, name string) error {
	if err := by.May(ManageTokens, Target{}); err != nil {
		return err
	}
	if _, err := r.Service.GetDocument(ctx, tokenKind, name); err != nil || name == "" {
		if err == nil || store.KindOf(err) == store.NotFound {
			return store.Errorf(store.NotFound, "no token is named %q: igc token list shows them", shorten(name))
		}
		return err
	}
	_, err := r.Service.WriteDocuments(ctx, by.Actor, store.DocumentWrite{Kind: tokenKind, Key: name, Delete: true},
		store.DocumentWrite{Kind: usedKind, Key: name, Delete: true})
	return err
}

// find is the token that a request has; nil when there is none, whatever is wrong with it. One that
// ended is found.
func (r *Registry) find(ctx context.Context, token string) (*Bearer, error) {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	name, secret, _ := strings.Cut(rest, "_")
	if !ok || !tokenName.MatchString(name) || len(secret) != secretEncoding.EncodedLen(secretSize) {
		return nil, nil
	}
	t, err := r.byName(ctx, name)
	if t == nil || err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(t.Hash), []byte(tokenHash(token))) != 1 {
		return nil, nil
	}
	return t, nil
}

// byName is the token of that name; nil when there is none.
func (r *Registry) byName(ctx context.Context, name string) (*Bearer, error) {
	if !tokenName.MatchString(name) {
		return nil, nil
	}
	doc, err := r.Service.GetDocument(ctx, tokenKind, name)
	if err != nil {
		if store.KindOf(err) == store.NotFound {
			err = nil
		}
		return nil, err
	}
	return readToken(doc)
}

// used notes the day of a use, once a day.
func (r *Registry) used(ctx context.Context, t *Bearer) error {
	day := r.now().Format(time.DateOnly)
	doc, err := r.Service.GetDocument(ctx, usedKind, t.Name)
	if err == nil && string(doc.Value) == day {
		return nil
	}
	if err != nil && store.KindOf(err) != store.NotFound {
		return err
	}
	_, err = r.Service.WriteDocuments(ctx, "token:"+t.Name,
		store.DocumentWrite{Kind: usedKind, Key: t.Name, Value: []byte(day)})
	return err
}

// caller is who has the token.
func (t *Bearer) caller() *Caller {
	return &Caller{Way: Token, Actor: "token:" + t.Name, ID: t.Name, Name: t.Name, Grants: t.Grants, Scopes: t.Scopes}
}

func readToken(doc store.Document) (*Bearer, error) {
	var s storedToken
	err := json.Unmarshal(doc.Value, &s)
	if err == nil && (s.Name != doc.Key || len(s.Hash) != hex.EncodedLen(sha256.Size)) {
		err = errors.New("name, hash")
	}
	if err != nil {
		return nil, store.Errorf(store.Damaged, "the document %s/%s: %w", tokenKind.Name, doc.Key, err)
	}
	s.Bearer.Hash = s.Hash
	return &s.Bearer, nil
}

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
