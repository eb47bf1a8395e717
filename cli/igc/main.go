// Command igc is a certificate authority that clones the IGC-Santé, for the lab.
package main

import (
	"os"

	"github.com/igc-lab/igc/cli"
)

func main() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) }
