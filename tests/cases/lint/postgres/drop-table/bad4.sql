DROP /* all */ TABLE -- gone
  shop . items;
