package install

import (
	"os"
	"path/filepath"
)

// UserSetting is where the software of this user keeps what it knows, for the lab in that folder.
func UserSetting(lab string) (Setting, error) {
	lab, err := filepath.Abs(lab)
	if err != nil {
		return Setting{}, err
	}
	user, err := os.UserHomeDir()
	if err != nil {
		return Setting{}, err
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return Setting{}, err
	}
	return Setting{Lab: lab, User: user, Config: config, Root: string(filepath.Separator)}, nil
}

// BesideProgram is where the module is built: beside igc.
func BesideProgram() (string, error) {
	program, err := os.Executable()
	return filepath.Join(filepath.Dir(program), ModuleFile), err
}
