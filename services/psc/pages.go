package psc

import (
	"crypto/subtle"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/services/ecps"
	"github.com/igc-lab/igc/verify"
)

//go:embed html
var htmlFiles embed.FS

// portalName is what the phone shows when the person logs in to the portal itself.
const portalName = "Portail Pro Santé Connect (labo)"

func newPages(log *slog.Logger) *web.Pages {
	files, err := fs.Sub(htmlFiles, "html")
	if err != nil {
		panic(err) // they are embedded
	}
	read := func(name string) string {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			panic(err)
		}
		return string(data)
	}
	return web.NewPages(web.PageOptions{Site: "Connexion santé (labo)", Templates: files,
		Style: read("psc.css"), Script: read("live.js"),
		Forms: true, FormsTo: "https: http:", Log: log})
}

// problem is what ends a page of a login: what happened, and what to do.
type problem struct {
	Code  string
	Title i18n.Text
	Text  i18n.Text
	Do    i18n.Text
}

var (
	problemTooOld = &problem{"LOGIN-TOO-OLD", i18n.Text{FR: "Cette page de connexion n'est plus valable",
		EN: "This login page is no longer valid"},
		i18n.Text{FR: "Elle est restée ouverte trop longtemps, vient d'un autre navigateur, ou a été modifiée.",
			EN: "It was open for too long, comes from another browser, or was changed."},
		i18n.Text{FR: "Retournez au service et recommencez la connexion.",
			EN: "Go back to the service and log in again."}}
	problemSpent = &problem{"LOGIN-SPENT", i18n.Text{FR: "Cette connexion a déjà abouti",
		EN: "This login was completed already"},
		i18n.Text{FR: "La page a été envoyée deux fois ; la première fois a suffi.",
			EN: "The page was sent twice; the first time was enough."},
		i18n.Text{FR: "Retournez au service ; s'il ne vous connaît pas, recommencez la connexion.",
			EN: "Go back to the service; if it does not know you, log in again."}}
	problemInternal = &problem{"LOGIN-INTERNAL", i18n.Text{FR: "Le laboratoire n'a pas pu répondre",
		EN: "The lab could not answer"},
		i18n.Text{FR: "C'est une panne d'igc, et non de votre service.",
			EN: "It is a fault of igc, and not of your service."},
		i18n.Text{FR: "Le journal d'igc serve dit laquelle.", EN: "The log of igc serve says which."}}
	problemOrigin = &problem{"LOGIN-ORIGIN", i18n.Text{FR: "Ce formulaire vient d'une autre page",
		EN: "This form comes from another page"},
		i18n.Text{FR: "Un formulaire d'un autre site est refusé : il agirait à votre place.",
			EN: "A form of another site is refused: it would act in your place."},
		i18n.Text{FR: "Recommencez depuis la page de connexion.", EN: "Begin again from the login page."}}
	problemForm = &problem{"LOGIN-FORM", i18n.Text{FR: "Ce formulaire ne se lit pas", EN: "This form cannot be read"},
		i18n.Text{FR: "Un paramètre est mal codé, est donné deux fois, ou le tout est trop long.",
			EN: "A parameter is badly encoded, is given twice, or all of it is too long."},
		i18n.Text{FR: "Retournez au service et recommencez la connexion.",
			EN: "Go back to the service and log in again."}}
	problemExpired = &problem{"LOGIN-TIMEOUT", i18n.Text{FR: "Délai dépassé", EN: "Time is over"},
		i18n.Text{FR: "La demande n'a pas été validée à temps sur le téléphone.",
			EN: "The request was not approved on the phone in time."},
		i18n.Text{FR: "Recommencez, et ouvrez l'application e-CPS avant la fin du compte à rebours.",
			EN: "Try again, and open the e-CPS application before the countdown ends."}}
	problemBlocked = &problem{"ECPS-BLOCKED", i18n.Text{FR: "Votre e-CPS est bloquée", EN: "Your e-CPS is blocked"},
		i18n.Text{FR: "Trop de mots de passe erronés ont été saisis sur le téléphone.",
			EN: "Too many wrong passwords were typed on the phone."},
		i18n.Text{FR: "Supprimez-la et activez-la de nouveau.", EN: "Delete it and activate it again."}}
	problemNoIdentifier = &problem{"LOGIN-NO-IDENTIFIER", i18n.Text{FR: "L'identifiant est vide",
		EN: "The identifier is empty"},
		i18n.Text{FR: "Saisissez votre identifiant national : 8 suivi de votre numéro RPPS, 12 chiffres en tout.",
			EN: "Type your national identifier: 8, then your RPPS number, 12 digits in all."}, i18n.Text{}}
	problemNo8 = &problem{"PSC-NO-8", i18n.Text{FR: "Il manque le 8 devant le numéro RPPS",
		EN: "The 8 before the RPPS number is missing"},
		i18n.Text{FR: "L'identifiant a 12 chiffres : le 8, puis les 11 chiffres du RPPS.",
			EN: "The identifier has 12 digits: the 8, then the 11 digits of the RPPS."}, i18n.Text{}}
	problemIdentifier = &problem{"LOGIN-IDENTIFIER", i18n.Text{FR: "Cet identifiant n'a pas la bonne forme",
		EN: "This identifier has a wrong form"},
		i18n.Text{FR: "8 et onze chiffres pour un RPPS ; 3, numéro FINESS et /CPET… pour un employé ; 5, SIRET et " +
			"/CPAT… ; ANS et quatorze chiffres pour une identité EDIT.",
			EN: "8 and eleven digits for an RPPS; 3, a FINESS number and /CPET… for an employee; 5, a SIRET and " +
				"/CPAT…; ANS and fourteen digits for an EDIT identity."}, i18n.Text{}}
	problemUnknown = &problem{"PSC-HINT-UNKNOWN", i18n.Text{FR: "Personne n'a cet identifiant dans ce laboratoire",
		EN: "Nobody has this identifier in this lab"},
		i18n.Text{FR: "igc people list montre les personnes connues.",
			EN: "igc people list shows the people who are known."}, i18n.Text{}}
	problemUnknownCard = &problem{"CARD-UNKNOWN", i18n.Text{FR: "Le porteur de cette carte n'est pas connu",
		EN: "The holder of this card is not known"},
		i18n.Text{FR: "La carte est bonne, mais Pro Santé Connect ne connaît pas son porteur.",
			EN: "The card is good, but Pro Santé Connect does not know its holder."},
		i18n.Text{FR: "igc people list montre les personnes connues.",
			EN: "igc people list shows the people who are known."}}
	problemRevoked = &problem{"CARD-REVOKED", i18n.Text{FR: "Cette carte vient d'être mise en opposition",
		EN: "This card has just been revoked"},
		i18n.Text{FR: "Elle était bonne quand elle a été lue ; elle ne l'est plus.",
			EN: "It was good when it was read; it no longer is."},
		i18n.Text{FR: "Connectez-vous avec une autre carte, ou par votre e-CPS.",
			EN: "Log in with another card, or by your e-CPS."}}
	problemNotACard = &problem{"CARD-NOT-A-PERSON", i18n.Text{FR: "Ce certificat n'est pas celui d'une personne qui " +
		"se connecte", EN: "This certificate is not one by which a person logs in"},
		i18n.Text{FR: "Il faut le certificat d'authentification d'une carte (CPS, CPF, CPE, CPA).",
			EN: "The authentication certificate of a card (CPS, CPF, CPE, CPA) is needed."},
		i18n.Text{FR: "Choisissez un autre certificat.", EN: "Choose another certificate."}}
	problemNotFound = &problem{"LOGIN-NOT-FOUND", i18n.Text{FR: "Il n'y a pas de page à cette adresse",
		EN: "There is no page at this address"},
		i18n.Text{}, i18n.Text{}}
)

// problemOfECPS is why a phone cannot be asked.
func problemOfECPS(code, id string) *problem {
	do := i18n.Text{FR: "Activez une e-CPS : avec votre carte dans le portail, ou par igc ecps activate " + id + " " +
		"--pin 1234.",
		EN: "Activate an e-CPS: with your card in the portal, or by igc ecps activate " + id + " --pin 1234."}
	switch ecps.Code(code) {
	case ecps.Expired:
		return &problem{code, i18n.Text{FR: "Votre e-CPS a expiré", EN: "Your e-CPS has expired"},
			i18n.Text{FR: "Supprimez-la et activez-la de nouveau.", EN: "Delete it and activate it again."}, do}
	case ecps.Blocked:
		return problemBlocked
	}
	return &problem{code, i18n.Text{FR: "Cette personne n'a pas d'e-CPS active", EN: "This person has no active e-CPS"},
		i18n.Text{FR: "Aucun téléphone n'est lié à cet identifiant.",
			EN: "No phone is bound to this identifier."}, do}
}

// view is what every page is made from.
type view struct {
	web.View
	Portal  string // address
	Wallet  string
	Login   string // sealed
	Client  string // name of the service
	Problem *problem
}

func (p *Provider) view(r *http.Request, fr, en string) view {
	v := view{View: p.pages.View(r), Wallet: p.WalletURL, Portal: p.WalletURL + "/login-page"}
	v.Title = v.T(fr, en)
	return v
}

// loginPage shows the two ways to log in.
func (p *Provider) loginPage(w http.ResponseWriter, r *http.Request, settings *Settings, l *login) error {
	return p.loginPageWith(w, r, settings, l, nil)
}

func (p *Provider) loginPageWith(w http.ResponseWriter, r *http.Request, settings *Settings, l *login,
	wrong *problem) error {
	v := struct {
		view
		Identifier string
		CardURL    string
		Four       bool
	}{view: p.view(r, "Connectez-vous", "Log in"), Identifier: l.Hint, Four: settings.Tabs == 4}
	c, err := p.client(r.Context(), l.Client)
	if err != nil {
		return err
	}
	v.Client = portalName
	if c != nil {
		v.Client = c.Name
	}
	if v.Login, err = p.seal(l); err != nil {
		return err
	}
	v.Problem = wrong
	v.CardURL = p.CardURL + "/carte?login=" + v.Login
	if v.Chosen {
		v.CardURL += "&lang=" + string(v.Lang)
	}
	status := http.StatusOK
	if wrong != nil {
		status = http.StatusUnprocessableEntity
	}
	p.pages.Render(w, status, "login.html", v.Lang, v)
	return nil
}

// waitPage shows the number and the countdown. It reloads itself, with a script and without.
func (p *Provider) waitPage(w http.ResponseWriter, r *http.Request, settings *Settings, l *login,
	asked *ecps.Request) error {
	v := struct {
		view
		Number string
		Left   int
	}{view: p.view(r, "Authentification", "Authentication"), Number: asked.Number, Left: p.left(asked)}
	v.Live, v.Client, v.Login = true, asked.Client(), r.Form.Get("login")
	w.Header().Set("Refresh", "3")
	p.pages.Render(w, http.StatusOK, "wait.html", v.Lang, v)
	return nil
}

// problemPage says what ended the login, with a way back to the login page where there is one.
func (p *Provider) problemPage(w http.ResponseWriter, r *http.Request, status int, what *problem, l *login) {
	v := p.view(r, what.Title.FR, what.Title.EN)
	v.Problem = what
	if l != nil {
		l.Request, l.Auth = "", nil
		v.Login, _ = p.seal(l) // without it the page has no way back
	}
	p.pages.Render(w, status, "problem.html", v.Lang, v)
}

func (p *Provider) notFoundPage(w http.ResponseWriter, r *http.Request) {
	p.problemPage(w, r, http.StatusNotFound, problemNotFound, nil)
}

// errorPage says what is wrong with a client's request. It goes to the person who is in front of
// the browser: during a test that is the developer.
func (p *Provider) errorPage(w http.ResponseWriter, r *http.Request, call *Call, text string, code Code, seen string) {
	call.found(code, seen)
	call.Error = text
	v := struct {
		view
		Text    string
		Seen    string
		Mistake *Mistake
	}{view: p.view(r, "Nous sommes désolés", "We are sorry"), Text: text, Seen: seen, Mistake: mistakeByCode[code]}
	p.pages.Render(w, http.StatusBadRequest, "error.html", v.Lang, v)
}

// closedPage says that the session is closed, with a link back to the client where there is one.
func (p *Provider) closedPage(w http.ResponseWriter, r *http.Request, back string) {
	v := struct {
		view
		Back string
	}{p.view(r, "Session fermée", "Session closed"), back}
	p.pages.Render(w, http.StatusOK, "closed.html", v.Lang, v)
}

// cardPage says why a card does not log in.
func (p *Provider) cardPage(w http.ResponseWriter, r *http.Request, l *login, report *verify.Report,
	wrong *problem) error {
	v := struct {
		view
		Check  *verify.Check
		Card   *verify.Card
		NoCard bool
		Fresh  string
	}{view: p.view(r, "Connexion par carte", "Login by card")}
	v.Problem = wrong
	if report != nil {
		v.Card = report.Card
		if wrong == nil {
			v.Check = report.Failed()
		}
		v.NoCard = report.Verdict == "TLS-NOCERT"
	}
	if l != nil {
		v.Client = l.Client
		var err error
		if v.Login, err = p.seal(l); err != nil {
			return err
		}
	}
	p.pages.Render(w, http.StatusForbidden, "card.html", v.Lang, v)
	return nil
}

// requestsPage shows the CIBA requests that wait for a card.
func (p *Provider) requestsPage(w http.ResponseWriter, r *http.Request, person string,
	list map[string]*cibaRequest) error {
	v := struct {
		view
		Person string
		List   map[string]*cibaRequest
	}{view: p.view(r, "Demandes d'authentification par carte",
		"Authentication requests by card"), Person: person, List: list}
	w.Header().Set("Refresh", "3")
	p.pages.Render(w, http.StatusOK, "requests.html", v.Lang, v)
	return nil
}

// csrf is the token of a session's forms.
func csrf(r *http.Request) string {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return ""
	}
	return digest("csrf " + cookie.Value)
}

// ownForm tells whether a form was sent by this session's own page.
func ownForm(r *http.Request) bool {
	want := csrf(r)
	return want != "" && web.SameOrigin(r) && subtle.ConstantTimeCompare([]byte(want),
		[]byte(r.PostForm.Get("jeton"))) == 1
}

// formPost sends the browser back by a form (OAuth 2.0 Form Post Response Mode). Its content policy
// allows the client's address and the script that sends the form, and nothing else.
func (p *Provider) formPost(w http.ResponseWriter, r *http.Request, to string, params [][2]string) {
	v := struct {
		view
		To     string
		Params [][2]string
	}{view: p.view(r, "Retour au service", "Back to the service"), To: to, Params: params}
	v.Live = true
	p.pages.RenderForm(w, "formpost.html", v.Lang, v, to)
}
