package main

import (
	"context"
	"errors"
	"flag"
)

type options struct{ real bool }

func parse(args []string) (options, error)                     { flag.CommandLine.Parse(args); return options{}, nil }
func (o options) run(ctx context.Context, show *printer) error { return errors.New("x") }

func takeover(ctx context.Context, show *printer, scene *scene, s *setup) error { return nil }
func (s *setup) publish(context.Context) (string, error)                        { return "", errors.New("nyi") }
