package ewstest

func (s *Server) watch() watcher { return blind{} }
