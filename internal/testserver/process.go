package testserver

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// process is a server's first process and, as a group of processes that has its
// id, all that it starts.
type process struct {
	cmd   *exec.Cmd
	guard *guard
	done  chan struct{} // closed when the whole group has ended
}

// startProcess runs a server in the foreground. What it prints goes to out. dir is
// its folder, which the guard removes if this program dies.
func startProcess(dir, out string, name string, args ...string) (*process, error) {
	file, err := os.OpenFile(out, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // the server has its own handle
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, file, file
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	p.guard, err = startGuard(cmd.Process.Pid, dir)
	go p.wait()
	if err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// wait waits for the first process and ends what it left behind. Until then its
// id cannot belong to anyone else, and after that nobody uses it again.
func (p *process) wait() {
	_ = p.cmd.Wait() // a killed server's status is no news
	for len(p.pids()) > 0 {
		killGroup(p.cmd.Process.Pid)
		time.Sleep(time.Millisecond)
	}
	if p.guard != nil {
		p.guard.release()
	}
	close(p.done)
}

// pids returns the processes of the group that still run.
func (p *process) pids() []int { return groupMembers(p.cmd.Process.Pid) }

// stop asks the server to end, and kills what has not ended a little later.
func (p *process) stop() {
	if p.running() {
		terminate(p.cmd.Process.Pid)
	}
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		p.kill()
	}
}

// kill kills every process of the group and returns when they are gone.
func (p *process) kill() {
	if p.running() {
		killGroup(p.cmd.Process.Pid)
	}
	<-p.done
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// A guard is a shell that waits beside a server. If this program dies, be it by
// SIGKILL or by the deadline of a test, the guard's input ends, and it kills the
// server's group and removes its folder.
type guard struct {
	cmd *exec.Cmd
	in  io.WriteCloser
}

func startGuard(group int, dir string) (*guard, error) {
	// A process that dies late may write a file where rm has been already.
	const script = `read -r released && exit
kill -9 "-$1"
n=0
until sleep 0.2; rm -rf -- "$2" && [ ! -e "$2" ] || [ "$n" -ge 50 ]; do n=$((n+1)); done`
	cmd := exec.Command("/bin/sh", "-c", script, "testserver-guard", fmt.Sprint(group), dir)
	ownGroup(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &guard{cmd: cmd, in: in}, nil
}

// release ends the guard, which then does nothing.
func (g *guard) release() {
	// If the guard is gone, which these would tell, it cannot do anything either.
	_, _ = io.WriteString(g.in, "released\n")
	_ = g.in.Close()
	_ = g.cmd.Wait()
}
