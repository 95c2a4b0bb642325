package link

import (
	"sync"
	"time"
)

// A lane is one direction of the line, which its connections share.
type lane struct {
	rate int64 // bytes a second; 0 is no limit

	mu   sync.Mutex
	free time.Time // when the lane has sent what it was given so far
}

// leave returns when n more bytes have left.
func (l *lane) leave(n int) time.Time {
	now := time.Now()
	if l.rate <= 0 {
		return now
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / float64(l.rate) * float64(time.Second)))
	return l.free
}

// chunk returns how many bytes to read at once: on a slow lane no more than it
// sends in 10 ms, so that they trickle.
func (l *lane) chunk() int {
	const most = 64 << 10
	if l.rate <= 0 {
		return most
	}
	return int(min(most, max(1, l.rate/100)))
}

// A chunk is bytes under way, or the end of what a side has to say.
type chunk struct {
	data []byte
	err  error
	due  time.Time
}

// A queue holds what is under way in one direction, up to so many bytes.
type queue struct {
	limit int

	mu     sync.Mutex
	turn   sync.Cond
	chunks []chunk
	bytes  int
	closed bool
}

func newQueue(limit int) *queue {
	q := &queue{limit: limit}
	q.turn.L = &q.mu
	return q
}

// push adds c, and waits while the queue is full. It is false when the queue is
// closed.
func (q *queue) push(c chunk) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.bytes >= q.limit && !q.closed {
		q.turn.Wait()
	}
	if q.closed {
		return false
	}
	q.chunks = append(q.chunks, c)
	q.bytes += len(c.data)
	q.turn.Broadcast()
	return true
}

// pop takes the oldest chunk, and waits for one. It is false when the queue is
// closed.
func (q *queue) pop() (chunk, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.chunks) == 0 && !q.closed {
		q.turn.Wait()
	}
	if q.closed {
		return chunk{}, false
	}
	c := q.chunks[0]
	q.chunks[0] = chunk{}
	q.chunks = q.chunks[1:]
	q.bytes -= len(c.data)
	q.turn.Broadcast()
	return c, true
}

// close ends every push and pop.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.turn.Broadcast()
}
