package pkcs11

import (
	"crypto"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/igc-lab/igc/card"
)

// Readers is how many readers there are before more cards than that are inserted. Browsers look for
// slots once, when they load the module, and for cards in them ever after: a reader that appears
// later would not be seen.
const Readers = 4

// Module is a library as an application sees it: slots, sessions and who is logged in. Its methods
// are the functions of PKCS#11, and the errors they return are of type RV. It is safe for any
// number of threads.
type Module struct {
	readers      card.Readers
	pollInterval time.Duration // between two looks for an event

	mu       sync.Mutex    // never waited for while a token's or a session's is held
	running  chan struct{} // closed by Finalize; nil when not initialised
	slots    []*slot
	sessions map[uint]*session
	last     uint // handle
}

// slot is a reader. Its ID counts from 0, as the Cryptolib's do; readers count from 1.
type slot struct {
	id       uint
	inserted card.Insertion // what the reader held at the last look
	reported card.Insertion // what it held when WaitForSlotEvent last told
	token    *token         // nil for no card, or one that cannot be read
}

// token is a card from its insertion to its removal.
type token struct {
	card       *card.Card
	generation card.ChipType
	strict     bool // the signature key wants the PIN before each signature
	unblocks   int  // wrong unblocking codes that the card takes

	objects []*object

	sessions int // guarded by the module's lock

	mu    sync.Mutex
	login *login // nil for nobody
}

// login is somebody's time with the right PIN. The keys live as long.
type login struct {
	user uint // CKU_USER or CKU_SO
	keys map[string]crypto.Signer
	code string // of the CKU_SO: what InitPIN unblocks with
}

// New is a module over the lab's cards in that folder.
func New(home string) *Module {
	return &Module{readers: card.NewReaders(home), pollInterval: 100 * time.Millisecond}
}

func (rv RV) Error() string { return fmt.Sprintf("CKR 0x%03X", uint(rv)) }

// Initialize is C_Initialize.
func (m *Module) Initialize() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running != nil {
		return CKR_CRYPTOKI_ALREADY_INITIALIZED
	}
	m.running, m.sessions, m.slots = make(chan struct{}), map[uint]*session{}, nil
	m.poll()
	for _, s := range m.slots {
		s.reported = s.inserted
	}
	return nil
}

// Finalize is C_Finalize: it ends all sessions, and every wait for an event.
func (m *Module) Finalize() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running == nil {
		return CKR_CRYPTOKI_NOT_INITIALIZED
	}
	close(m.running)
	for _, s := range m.slots {
		s.eject(m)
	}
	m.running, m.sessions, m.slots = nil, nil, nil
	return nil
}

// enter takes the lock of a library that is initialised.
func (m *Module) enter() error {
	m.mu.Lock()
	if m.running == nil {
		m.mu.Unlock()
		return CKR_CRYPTOKI_NOT_INITIALIZED
	}
	return nil
}

// poll sees what is in every reader.
func (m *Module) poll() {
	inserted, err := m.readers.Inserted()
	if err != nil {
		inserted = nil // a folder that cannot be read holds no card
	}
	readers := Readers
	for _, in := range inserted {
		readers = max(readers, in.Reader)
	}
	for n := len(m.slots); n < readers; n++ {
		m.slots = append(m.slots, &slot{id: uint(n)})
	}
	now := map[int]card.Insertion{}
	for _, in := range inserted {
		now[in.Reader] = in
	}
	for _, s := range m.slots {
		s.hold(m, now[s.reader()])
	}
}

func (s *slot) reader() int { return int(s.id) + 1 }

// hold has the slot hold what was found in its reader.
func (s *slot) hold(m *Module, in card.Insertion) {
	if in == s.inserted {
		return
	}
	s.eject(m)
	s.inserted = in
	if in.Dir == "" {
		return
	}
	c, err := card.Read(in.Dir)
	if err != nil {
		return
	}
	status, err := c.Status()
	if err != nil {
		return
	}
	s.token = &token{card: c, generation: status.ChipType, strict: status.StrictPIN, unblocks: status.UnblockingTries,
		objects: objects(c, status.ChipType, status.StrictPIN)}
}

// eject ends what was going on with the card that the slot held.
func (s *slot) eject(m *Module) {
	if s.token == nil {
		return
	}
	for h, session := range m.sessions {
		if session.token == s.token {
			delete(m.sessions, h)
		}
	}
	s.token.logout()
	s.token = nil
}

// slot finds a slot and looks into its reader.
func (m *Module) slot(id uint) (*slot, error) {
	if id >= uint(len(m.slots)) {
		return nil, CKR_SLOT_ID_INVALID
	}
	s := m.slots[id]
	in, _ := m.readers.In(s.reader())
	s.hold(m, in)
	return s, nil
}

// token finds the card in a slot.
func (m *Module) token(id uint) (*slot, *token, error) {
	s, err := m.slot(id)
	switch {
	case err != nil:
		return nil, nil, err
	case s.token != nil:
		return s, s.token, nil
	case s.inserted.Dir != "":
		return nil, nil, CKR_TOKEN_NOT_RECOGNIZED
	}
	return nil, nil, CKR_TOKEN_NOT_PRESENT
}

// Info is CK_INFO.
type Info struct {
	Manufacturer, Description string
	Major, Minor              byte
}

// GetInfo is C_GetInfo.
func (m *Module) GetInfo() (Info, error) {
	if err := m.enter(); err != nil {
		return Info{}, err
	}
	defer m.mu.Unlock()
	return Info{"IGC-SANTE TEST (igc)", "CPS virtuelle LAB PKCS#11", 3, 1}, nil
}

// GetSlotList is C_GetSlotList.
func (m *Module) GetSlotList(withToken bool) ([]uint, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	m.poll()
	var ids []uint
	for _, s := range m.slots {
		if !withToken || s.inserted.Dir != "" {
			ids = append(ids, s.id)
		}
	}
	return ids, nil
}

// SlotInfo is CK_SLOT_INFO. No manufacturer and no version is told.
type SlotInfo struct {
	Description string
	Flags       uint
}

// GetSlotInfo is C_GetSlotInfo.
func (m *Module) GetSlotInfo(id uint) (SlotInfo, error) {
	if err := m.enter(); err != nil {
		return SlotInfo{}, err
	}
	defer m.mu.Unlock()
	s, err := m.slot(id)
	if err != nil {
		return SlotInfo{}, err
	}
	info := SlotInfo{fmt.Sprintf("Lecteur virtuel %d (LAB)", s.reader()), CKF_REMOVABLE_DEVICE | CKF_HW_SLOT}
	if s.inserted.Dir != "" {
		info.Flags |= CKF_TOKEN_PRESENT
	}
	return info, nil
}

// TokenInfo is CK_TOKEN_INFO, without what is the same for every token.
type TokenInfo struct {
	Label, Manufacturer, Model, Serial string
	Flags                              uint
	Sessions, RWSessions               uint
}

// model is what the Cryptolib 5.2.2 says of either chip: it means to say "ChipDoc" of a CPS4, and
// mistakes the result of its own look at the card. It fills the field up with zeros, not with
// blanks.
const model = "IAS ECC\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// GetTokenInfo is C_GetTokenInfo.
func (m *Module) GetTokenInfo(id uint) (TokenInfo, error) {
	if err := m.enter(); err != nil {
		return TokenInfo{}, err
	}
	defer m.mu.Unlock()
	_, t, err := m.token(id)
	if err != nil {
		return TokenInfo{}, err
	}
	status, err := t.card.Status()
	if err != nil {
		return TokenInfo{}, CKR_DEVICE_ERROR
	}
	info := TokenInfo{Label: t.card.Label(t.generation), Manufacturer: card.Manufacturer, Model: model, Serial: t.card.Serial(),
		Flags: CKF_RNG | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED}
	info.Flags |= tries(status.TriesLeft, card.Tries, CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED)
	info.Flags |= tries(status.UnblockingsLeft, t.unblocks, CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED)
	for _, s := range m.sessions {
		if s.token == t {
			info.Sessions++
			if s.writable {
				info.RWSessions++
			}
		}
	}
	return info, nil
}

// tries says in flags how many are left of how many.
func tries(left, of int, low, final, locked uint) uint {
	switch {
	case left <= 0:
		return locked
	case left == 1:
		return low | final
	case left < of:
		return low
	}
	return 0
}

// GetMechanismList is C_GetMechanismList.
func (m *Module) GetMechanismList(id uint) ([]uint, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	_, t, err := m.token(id)
	if err != nil {
		return nil, err
	}
	var ids []uint
	for _, mechanism := range t.mechanisms() {
		ids = append(ids, mechanism.id)
	}
	return ids, nil
}

// GetMechanismInfo is C_GetMechanismInfo: bounds of keys in bits, and flags.
func (m *Module) GetMechanismInfo(id, mechanism uint) (least, most, flags uint, err error) {
	if err := m.enter(); err != nil {
		return 0, 0, 0, err
	}
	defer m.mu.Unlock()
	_, t, err := m.token(id)
	if err != nil {
		return 0, 0, 0, err
	}
	found, err := t.mechanism(mechanism, ^uint(0))
	if err != nil {
		return 0, 0, 0, err
	}
	least, most = t.sizes(found)
	return least, most, found.flags, nil
}

// WaitForSlotEvent is C_WaitForSlotEvent: it returns the ID of a slot whose card came or went.
// CKR_CRYPTOKI_NOT_INITIALIZED ends a wait that Finalize cuts short, as the standard has it.
func (m *Module) WaitForSlotEvent(block bool) (uint, error) {
	for {
		if err := m.enter(); err != nil {
			return 0, err
		}
		m.poll()
		running := m.running
		for _, s := range m.slots {
			if s.reported != s.inserted {
				s.reported = s.inserted
				m.mu.Unlock()
				return s.id, nil
			}
		}
		m.mu.Unlock()
		if !block {
			return 0, CKR_NO_EVENT
		}
		select {
		case <-running:
			return 0, CKR_CRYPTOKI_NOT_INITIALIZED
		case <-time.After(m.pollInterval):
		}
	}
}

// refusal is what an error of the card is to PKCS#11.
func refusal(err error) error {
	var wrong *card.WrongCode
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return CKR_PIN_INCORRECT
	case errors.Is(err, card.ErrBlocked), errors.Is(err, card.ErrDead):
		return CKR_PIN_LOCKED
	}
	return CKR_DEVICE_ERROR
}
