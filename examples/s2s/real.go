package main

import (
	"context"
	"errors"
	"io"
)

type options struct{ real bool }

func (o options) given() bool                                  { return o.real }
func parse(args []string, w io.Writer) (options, error)        { return options{}, nil }
func (o options) run(ctx context.Context, show *printer) error { return errors.New("x") }

func (s *setup) publish(context.Context) (string, error) { return "", errors.New("nyi") }
