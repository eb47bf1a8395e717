package pages

import (
	"net/http"
	"slices"
	"strings"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/internal/i18n"
)

// roles is the page of who holds which role in the visitor's structures.
func (p *Pages) roles(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	return p.showRoles(w, r, caller, http.StatusOK, nil)
}

// held is a role that somebody holds, and whether the visitor may end it.
type held struct {
	access.Grant
	CanEnd bool
}

func (p *Pages) showRoles(w http.ResponseWriter, r *http.Request, caller *access.Caller, status int,
	wrong error) error {
	data := struct {
		view
		Held       []held
		Grantable  []access.Role
		Structures []string
		All        bool
		Wrong      *i18n.Text
		Code       string
		Holder     string
	}{view: p.view(r, caller, i18n.Text{FR: "Rôles", EN: "Roles"}), Holder: r.PostFormValue("porteur")}
	for _, role := range access.Roles() {
		structures, all := caller.Structures(access.GrantAction(role))
		if role == access.Holder || !all && len(structures) == 0 {
			continue
		}
		data.Grantable = append(data.Grantable, role)
		data.All = data.All || all
		data.Structures = append(data.Structures, structures...)
	}
	slices.Sort(data.Structures)
	data.Structures = slices.Compact(data.Structures)
	grants, err := p.Roles.List(r.Context(), access.GrantFilter{})
	if err != nil {
		return err
	}
	for _, g := range grants {
		if g.Holder != caller.ID && caller.May(access.Follow, access.Target{Structure: g.Structure}) != nil {
			continue // of structures that are not the visitor's
		}
		data.Held = append(data.Held, held{g, caller.May(access.GrantAction(g.Role),
			access.Target{Structure: g.Structure}) == nil})
	}
	if wrong != nil {
		text := i18n.TextOf(wrong)
		data.Wrong = &text
		_, data.Code = statusOf(wrong)
	}
	p.pages.Render(w, status, "roles.html", data.Lang, data)
	return nil
}

// grantOf reads the role that a form names.
func grantOf(r *http.Request) access.Grant {
	value := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	return access.Grant{Role: access.Role(value("role")), Holder: value("porteur"), Structure: value("structure")}
}

// grant gives a role.
func (p *Pages) grant(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	_, _, err := p.Roles.Grant(r.Context(), caller, grantOf(r))
	return p.afterRole(w, r, caller, err)
}

// endGrant ends a role.
func (p *Pages) endGrant(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	_, err := p.Roles.Remove(r.Context(), caller, grantOf(r))
	return p.afterRole(w, r, caller, err)
}

func (p *Pages) afterRole(w http.ResponseWriter, r *http.Request, caller *access.Caller, err error) error {
	if status,
		_ := statusOf(err); err != nil && status != http.StatusUnprocessableEntity && status != http.StatusNotFound {
		return err
	}
	if err != nil {
		return p.showRoles(w, r, caller, http.StatusUnprocessableEntity, err)
	}
	http.Redirect(w, r, p.view(r, nil, i18n.Text{}).To(p.Prefix+"roles"), http.StatusSeeOther)
	return nil
}
