// Command runc-caps is runc for machines whose own rights are limited.
//
// A container may ask for capabilities that are missing from this machine's bounding set, and for an OOM score
// below its parent's; runc refuses both. This program takes the impossible out of the request and then becomes
// runc. It never adds anything.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

const runc = "/usr/sbin/runc"

func main() {
	if err := adjust(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "runc-caps:", err)
		os.Exit(1)
	}
	argv := append([]string{"runc"}, os.Args[1:]...)
	if err := syscall.Exec(runc, argv, os.Environ()); err != nil {
		fmt.Fprintf(os.Stderr, "runc-caps: cannot become %s: %v\n", runc, err)
		os.Exit(1)
	}
}

// adjust edits the request that the command line names, if it names one.
func adjust(args []string) error {
	command := firstOf(args, "create", "run", "exec", "restore")
	switch command {
	case "create", "run":
		bundle, found := option(args, "--bundle", "-b")
		if !found {
			bundle = "."
		}
		return edit(filepath.Join(bundle, "config.json"), func(spec object) object { return spec.child("process") })
	case "exec":
		if process, found := option(args, "--process", "-p"); found {
			return edit(process, func(spec object) object { return spec })
		}
	}
	return nil
}

type object map[string]any

func (o object) child(name string) object {
	inner, _ := o[name].(map[string]any)
	return inner
}

// edit rewrites one JSON file with the process in it reduced to what is possible here.
func edit(path string, process func(object) object) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var spec object
	if err := json.Unmarshal(text, &spec); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	bounds, err := bounding()
	if err != nil {
		return err
	}
	reduce(process(spec), bounds)
	if text, err = json.Marshal(spec); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// reduce removes capabilities outside the bounds from every set, and an OOM score below zero.
func reduce(process object, bounds map[string]bool) {
	for set, value := range process.child("capabilities") {
		if names, isList := value.([]any); isList {
			process.child("capabilities")[set] = slices.DeleteFunc(names, func(name any) bool {
				text, _ := name.(string)
				return !bounds[text]
			})
		}
	}
	if score, isNumber := process["oomScoreAdj"].(float64); isNumber && score < 0 {
		process["oomScoreAdj"] = 0
	}
}

// bounding returns the capabilities this process may still hand on.
func bounding() (map[string]bool, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(status)) {
		if value, isBounding := strings.CutPrefix(line, "CapBnd:"); isBounding {
			mask, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			return named(mask), err
		}
	}
	return nil, fmt.Errorf("/proc/self/status has no CapBnd line")
}

func named(mask uint64) map[string]bool {
	held := map[string]bool{}
	for bit, name := range capabilities {
		held["CAP_"+name] = mask>>bit&1 == 1
	}
	return held
}

func firstOf(args []string, wanted ...string) string {
	for _, arg := range args {
		if slices.Contains(wanted, arg) {
			return arg
		}
	}
	return ""
}

// option returns the value of the first option with one of these names, as "--name value" or "--name=value".
func option(args []string, names ...string) (string, bool) {
	for i, arg := range args {
		name, value, joined := strings.Cut(arg, "=")
		if !slices.Contains(names, name) {
			continue
		}
		if joined {
			return value, true
		}
		if i+1 < len(args) {
			return args[i+1], true
		}
	}
	return "", false
}
