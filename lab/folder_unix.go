//go:build unix

package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/igc-lab/igc/ca"
)

// maxLinks bounds the symbolic links of a path, as the system does.
const maxLinks = 40

// safeHome refuses a home that another user can change, as sshd does with its StrictModes: such a
// user could replace keys, records, or the home itself. Each folder on the way to it must be the
// user's or root's and not be writable by others, unless it has the sticky bit, as /tmp, in which
// one cannot touch what is another's; each link must be in such a folder. The home may not be there
// yet: what is there of its path is looked at.
func safeHome(home string) error {
	path, err := filepath.Abs(home)
	if err != nil {
		return fail(ca.Unwritable, "cannot make the lab: %w", err)
	}
	return safePath(path, os.Geteuid())
}

// safePath walks from the root down. A link is followed from where it stands.
func safePath(path string, uid int) error {
	rest := strings.Split(strings.Trim(path, "/"), "/")
	at, links := "/", 0
	if err := safeFolder(at, uid, len(rest) == 1 && rest[0] == ""); err != nil {
		return err
	}
	for len(rest) > 0 && rest[0] != "" {
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		info, err := os.Lstat(next)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return fail(ca.Unwritable, "cannot make the lab: %w", err)
		case info.Mode()&fs.ModeSymlink == 0:
			at = next
			if err := safeFolder(at, uid, len(rest) == 0); err != nil {
				return err
			}
			continue
		}
		if owner := ownerOf(info); owner != 0 && owner != uid {
			return fail(ca.Unwritable,
				"%s is a link of %s, who can make it lead elsewhere: remove it, or choose another home: igc --home FOLDER init", next, userName(owner))
		}
		to, err := os.Readlink(next)
		if links++; err != nil || links > maxLinks {
			return fail(ca.Unwritable, "%s leads nowhere: choose another home: igc --home FOLDER init", next)
		}
		if filepath.IsAbs(to) {
			at = "/"
		}
		to = filepath.Clean(filepath.Join(at, to))
		at, rest = "/", append(strings.Split(strings.Trim(to, "/"), "/"), rest...)
	}
	return nil
}

// safeFolder looks at one folder; home says that it is the last one, which the sticky bit does not
// protect.
func safeFolder(path string, uid int, home bool) error {
	info, err := os.Stat(path)
	if err != nil {
		return fail(ca.Unwritable, "cannot make the lab: %w", err)
	}
	if !info.IsDir() {
		return fail(ca.Unwritable,
			"cannot make the lab: %s is not a folder: choose another home: igc --home FOLDER init", path)
	}
	owner, mode := ownerOf(info), info.Mode()
	if owner != uid && (owner != 0 || home) {
		return fail(ca.Unwritable,
			"%s is a folder of %s, who can change what is in it: choose a home in a folder of yours: igc --home FOLDER init", path, userName(owner))
	}
	if mode&fs.ModeSticky != 0 && !home {
		return nil
	}
	if mode&0o002 != 0 || mode&0o020 != 0 && !privateGroup(info) {
		return fail(ca.Unwritable,
			"%s can be changed by other users (its mode is %04o): close it with chmod go-w %s, or choose another home: igc --home FOLDER init",
			path, mode.Perm(), path)
	}
	return nil
}

func ownerOf(info fs.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
}

// privateGroup tells whether the folder's group is that of its owner alone, as many systems make
// one for each user: it bears the user's name.
func privateGroup(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	g, err := user.LookupGroupId(strconv.Itoa(int(s.Gid)))
	return err == nil && g.Name == userName(int(s.Uid))
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return fmt.Sprintf("user %d", uid)
}
