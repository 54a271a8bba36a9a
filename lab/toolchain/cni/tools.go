//go:build tools

// Package tools keeps the loopback plugin among this module's requirements.
package tools

import _ "github.com/containernetworking/plugins/plugins/main/loopback"
