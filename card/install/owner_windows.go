package install

// handOver has nothing to do: what is written there has its folder's access rights.
func handOver(string, string) error { return nil }
