package bots_test

func runChild() {}
