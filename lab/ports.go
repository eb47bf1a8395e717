package lab

import (
	"strconv"
	"strings"
)

// PortRanges writes ports in their order, those that follow one another as one range: "8080,
// 8443-8446".
func PortRanges(ports []string) string {
	var ranges []string
	for i := 0; i < len(ports); {
		last := i
		for last+1 < len(ports) && follows(ports[last], ports[last+1]) {
			last++
		}
		if last == i {
			ranges = append(ranges, ports[i])
		} else {
			ranges = append(ranges, ports[i]+"-"+ports[last])
		}
		i = last + 1
	}
	return strings.Join(ranges, ", ")
}

func follows(port, next string) bool {
	a, errA := strconv.Atoi(port)
	b, errB := strconv.Atoi(next)
	return errA == nil && errB == nil && b == a+1
}
