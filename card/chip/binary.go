package chip

// readBinary is READ BINARY, §11.3.3, by offset or by short identifier, which selects the file too.
func (c *Chip) readBinary(ch *channel, cmd command) ([]byte, status) {
	offset, sw := ch.locate(cmd)
	if sw != ok {
		return nil, sw
	}
	return c.read(ch.ef, offset, cmd)
}

// locate finds the file and the offset that P1 and P2 mean.
func (ch *channel) locate(cmd command) (offset int, sw status) {
	if cmd.p1&shortIdentifier == 0 {
		return int(cmd.p1)<<8 | int(cmd.p2), ok
	}
	for df := ch.df; df != nil; df = df.parent { // those of the card are said from anywhere
		for _, f := range df.files {
			if f.short != 0 && f.short == cmd.p1&0x1F {
				ch.ef = f
				return int(cmd.p2), ok
			}
		}
	}
	return 0, noSuchFile
}

func (c *Chip) read(f *file, offset int, cmd command) ([]byte, status) {
	switch {
	case f == nil:
		return nil, noCurrentEF
	case !f.read.allows(c):
		return nil, notAuthorized
	case cmd.le == 0 || len(cmd.data) > 0:
		return nil, wrongLength
	case offset > len(f.content):
		return nil, wrongOffset
	}
	content, err := c.now(f)
	if err != nil {
		return nil, c.broken(err)
	}
	rest := content[offset:len(f.content)]
	switch {
	case len(rest) >= cmd.le:
		return rest[:cmd.le], ok
	case len(rest) == 0:
		return nil, endOfFile
	case cmd.all:
		return rest, ok
	case c.profile.t0 && len(rest) < 0x100:
		return nil, exactLength | status(len(rest))
	}
	return rest, endOfFile
}

// now is the file's content: what software writes is the card's, of which there may be other faces.
func (c *Chip) now(f *file) ([]byte, error) {
	if f.update == never {
		return f.content, nil
	}
	return c.card.Data()
}

// updateBinary is UPDATE BINARY, §11.3.5.
func (c *Chip) updateBinary(ch *channel, cmd command) ([]byte, status) {
	offset, sw := ch.locate(cmd)
	f := ch.ef
	switch {
	case sw != ok:
		return nil, sw
	case f == nil:
		return nil, noCurrentEF
	case !f.update.allows(c):
		return nil, notAuthorized
	case len(cmd.data) == 0:
		return nil, wrongLength
	case offset+len(cmd.data) > len(f.content):
		return nil, noRoom
	}
	changed, err := c.now(f)
	if err == nil {
		copy(changed[offset:], cmd.data)
		err = c.card.SetData(changed)
	}
	if err != nil {
		return nil, c.broken(err)
	}
	return nil, ok
}
