package bolt

// What tests of other packages' names need to make damage.
const (
	BranchPage  = branchPage
	PageHeader  = pageHeader
	ElementSize = elementSize
)

// SetWholeCheck sets the size up to which files are looked at whole; the function that it returns
// sets it back.
func SetWholeCheck(size int64) (back func()) {
	former := wholeCheck
	wholeCheck = size
	return func() { wholeCheck = former }
}
