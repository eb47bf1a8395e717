package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/serve"
	"github.com/igc-lab/igc/services/ecps"
)

// services opens the services of the lab for a command, whether a server runs or not.
func (p *program) services(c *cli.Context) (*serve.Services, *lab.Client, error) {
	client, err := p.connect(c)
	if err != nil {
		return nil, nil, err
	}
	return serve.NewServices(serve.ServicesOptions{Records: client, Documents: client, Lab: client.Lab,
		Now: client.Lab.Now}), client, nil
}

// ecpsService opens the e-CPS of the lab for a command.
func (p *program) ecpsService(c *cli.Context) (*ecps.Service, error) {
	s, _, err := p.services(c)
	if err != nil {
		return nil, err
	}
	return s.ECPS, nil
}
