package postgres_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/postgres"
	"github.com/igc-lab/igc/ca/store/storetest"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// driver opens a database for each place, on the server that [postgrestest.Need] has started.
var driver = storetest.Driver{Open: func(place string, now func() time.Time) (store.Store, error) {
	server, err := postgrestest.Running()
	if err != nil {
		return nil, err
	}
	dsn, err := server.Database(place)
	if err != nil {
		return nil, err
	}
	return postgres.Open(dsn, postgres.Options{Now: now})
}}

func TestMain(m *testing.M) { storetest.Main(m, driver) }

func TestStore(t *testing.T) {
	postgrestest.Need(t)
	storetest.Run(t, driver)
}

func TestFrozen(t *testing.T) {
	postgrestest.Need(t)
	storetest.Frozen(t, driver)
}

// IGC_KILLS names another number of kills than 20.
func TestKills(t *testing.T) {
	postgrestest.Need(t)
	kills := 20
	if n, err := strconv.Atoi(os.Getenv("IGC_KILLS")); err == nil {
		kills = n
	}
	storetest.Kills(t, driver, kills)
}
