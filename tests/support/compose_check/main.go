// Loads a compose file as `docker compose` does and prints what is wrong with it: compose_check FILE ENV_FILE.
// The process's own environment is not looked at: what the env file lacks is missing.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if len(os.Args) != 3 {
		fail("usage: compose_check FILE ENV_FILE")
	}
	options, err := cli.NewProjectOptions([]string{os.Args[1]}, cli.WithEnvFiles(os.Args[2]), cli.WithDotEnv)
	if err != nil {
		fail(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		fail(err)
	}
	for _, service := range project.ServiceNames() {
		fmt.Println(service)
	}
}

func fail(reason any) {
	fmt.Fprintln(os.Stderr, reason)
	os.Exit(1)
}
