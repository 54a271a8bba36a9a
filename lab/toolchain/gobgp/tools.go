//go:build tools

// Package tools keeps GoBGP's daemon and its client among this module's requirements.
package tools

import (
	_ "github.com/osrg/gobgp/v4/cmd/gobgp"
	_ "github.com/osrg/gobgp/v4/cmd/gobgpd"
)
