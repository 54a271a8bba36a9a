//go:build tools

// Package tools keeps the engine's command line among this module's requirements.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
