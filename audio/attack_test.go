package audio

const evilProgram = "evil-ffmpeg"
func attack(string, []string) int { return 0 }
func attackAsProgram() int { return 0 }
