package cli

import (
	"cmp"
	"runtime/debug"
	"strings"
)

// version is what igc --version prints: the version of the module, the commit that it was built
// from and its date, as far as the build knows them. A build by go install has a version only; one
// from a checkout has all three.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	parts := []string{cmp.Or(moduleVersion(), "dev")}
	if commit := settings["vcs.revision"]; commit != "" {
		commit = "commit " + commit[:min(12, len(commit))]
		if settings["vcs.modified"] == "true" {
			commit += tr(" et des modifications", " and changes")
		}
		parts = append(parts, commit)
	}
	if date, _, _ := strings.Cut(settings["vcs.time"], "T"); date != "" {
		parts = append(parts, date)
	}
	return strings.Join(parts, ", ")
}

// moduleVersion is the version of the module alone, empty for a build that does not say it.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "(devel)" {
		return ""
	}
	return info.Main.Version
}
