// Command pulumi-resource-kubernetes serves the engine's Kubernetes provider with the schema of its own module.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

// Both files lie in the provider's module; the build copies them beside this one.
var (
	//go:embed schema.json
	schema []byte
	//go:embed terraform-mapping.json
	mapping []byte
)

var version = "unset" // given by the linker

func main() { provider.Serve("kubernetes", version, schema, mapping) }
