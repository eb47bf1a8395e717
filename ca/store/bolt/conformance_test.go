package bolt_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
	"github.com/igc-lab/igc/ca/store/storetest"
)

// The store under test has its file open for its whole life, as a server has it.
type locked struct{ *bolt.Store }

func (s locked) Close() error { return s.Unlock() }

var driver = storetest.Driver{Open: func(place string, now func() time.Time) (store.Store, error) {
	s := bolt.Open(place, bolt.Options{Now: now})
	return locked{s}, s.Lock(time.Minute)
}}

// opening opens the file for each call, as commands do.
var opening = storetest.Driver{Open: func(place string, now func() time.Time) (store.Store, error) {
	return bolt.Open(place, bolt.Options{Now: now}), nil
}}

func TestMain(m *testing.M) {
	if os.Getenv("IGC_STORETEST_HOLDER") != "" { // of TestFrozen
		storetest.Main(m, opening)
	}
	storetest.Main(m, driver)
}

func TestFrozen(t *testing.T) { storetest.Frozen(t, opening) }

func TestStore(t *testing.T) {
	t.Run("open for its life", func(t *testing.T) { storetest.Run(t, driver) })
	t.Run("open for each call", func(t *testing.T) { storetest.Run(t, opening) })
}

// IGC_KILLS names another number of kills than 20.
func TestKills(t *testing.T) {
	kills := 20
	if n, err := strconv.Atoi(os.Getenv("IGC_KILLS")); err == nil {
		kills = n
	}
	storetest.Kills(t, driver, kills)
}
